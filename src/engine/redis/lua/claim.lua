#!lua flags=allow-oom
-- claim: writes down, at the first start, how many shards the channels of this store are spread over.
--
-- allow-oom: a full Redis is emptied by a merger that can start.
--
-- KEYS[1]  shards
-- ARGV[1]  how many the caller believes there are
--
-- Answer   how many there are: the caller's number, or that of whoever began this store

redis.call('SET', KEYS[1], ARGV[1], 'NX')
return redis.call('GET', KEYS[1])

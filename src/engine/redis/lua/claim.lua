#!lua flags=allow-oom
-- claim: writes down, at the first start, how many shards the channels of this store are spread over, and what format its data have.
--
-- allow-oom: a full Redis is emptied by a merger that can start.
--
-- KEYS[1]  shards
-- KEYS[2]  format
-- ARGV[1]  how many the caller believes there are
-- ARGV[2]  the format that it reads and writes
-- ARGV[3]  the format of a store that was begun before there were numbers
--
-- Answer   {shards, format}   the caller's, or those of whoever began this store

if redis.call('SET', KEYS[1], ARGV[1], 'NX') then
  redis.call('SET', KEYS[2], ARGV[2], 'NX')
else
  redis.call('SET', KEYS[2], ARGV[3], 'NX')
end
return {redis.call('GET', KEYS[1]), redis.call('GET', KEYS[2])}

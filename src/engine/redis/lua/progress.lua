#!lua flags=no-writes
-- progress: how far the merge of a shard is.
--
-- KEYS[1]  shard
-- KEYS[2]  inbox
--
-- Answer   {popped, waiting}  changes that the inbox has given up, and how many are in it

return {redis.call('HGET', KEYS[1], 'popped') or '0', redis.call('LLEN', KEYS[2])}

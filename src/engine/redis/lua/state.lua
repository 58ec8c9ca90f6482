#!lua flags=allow-oom
-- state: a channel's state and the position it is the fold of, read as one.
--
-- KEYS[1]  shard
-- KEYS[2]  meta
-- KEYS[3]  state
-- ARGV[1]  epoch for a shard that has none
--
-- Answer   {epoch, head, {field, value, …}}; head is the shard's events for a channel that does not exist

local shardKey, metaKey, stateKey = KEYS[1], KEYS[2], KEYS[3]
local newEpoch = ARGV[1]

local shard = redis.call('HMGET', shardKey, 'epoch', 'events')
local epoch = shard[1]
if not epoch then
  epoch = newEpoch
  redis.call('HSET', shardKey, 'epoch', epoch)
end
local head = redis.call('HGET', metaKey, 'head') or shard[2] or '0'
return {epoch, head, redis.call('HGETALL', stateKey)}

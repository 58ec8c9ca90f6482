#!lua flags=no-writes
-- expired: who may be forgotten. Only a proposal: the caller declares their keys to `sweep`, which looks again.
--
-- KEYS[1]  shard
-- KEYS[2]  dedupe expiry
-- KEYS[3]  recent
-- ARGV[1]  token of the lease
-- ARGV[2]  most publishers, and most channels, to return
-- ARGV[3]  how many of the longest silent channels are passed over
--
-- Answer   'lease'                            the lease is not the caller's
--          {{'<channel> <from>', …}, {channel, …}}
--                                             publishers past their time; the longest silent channels behind those, whose age is
--                                             in their meta and so for `sweep` to judge

local shardKey, dedupeExpiryKey, recentKey = KEYS[1], KEYS[2], KEYS[3]
local token = ARGV[1]
local limit = tonumber(ARGV[2])
local behind = tonumber(ARGV[3])

local shard = redis.call('HMGET', shardKey, 'lease', 'clock', 'clockAt', 'leaseMs')
if shard[1] ~= token then
  return 'lease'
end
local nowMs = storeMs(shard[2], shard[3], shard[4], redisMs())
return {
  redis.call('ZRANGE', dedupeExpiryKey, '-inf', nowMs, 'BYSCORE', 'LIMIT', 0, limit),
  redis.call('ZRANGE', recentKey, behind, behind + limit - 1),
}

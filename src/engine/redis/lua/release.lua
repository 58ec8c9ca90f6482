#!lua flags=allow-oom
-- release: gives a lease back, if it is the caller's.
--
-- KEYS[1]  shard
-- ARGV[1]  token
--
-- Answer   1 when it was given back, else 0

local shardKey = KEYS[1]
local token = ARGV[1]

if redis.call('HGET', shardKey, 'lease') ~= token then
  return 0
end
redis.call('HDEL', shardKey, 'lease', 'leaseUntil')
return 1

#!lua flags=allow-oom
-- release: gives a lease back, if it is the caller's, and tells the mergers that it is free.
--
-- KEYS[1]  shard
-- ARGV[1]  token
-- ARGV[2]  pub/sub name for the mergers of the shard; they are told LF
--
-- Answer   1 when it was given back, else 0

local shardKey = KEYS[1]
local token = ARGV[1]
local mergers = ARGV[2]

if redis.call('HGET', shardKey, 'lease') ~= token then
  return 0
end
redis.call('HDEL', shardKey, 'lease', 'leaseUntil')
redis.call('SPUBLISH', mergers, '\n')
return 1

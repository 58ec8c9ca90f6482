#!lua flags=no-writes
-- inbox: a part of a shard's inbox, for the holder of its lease.
--
-- KEYS[1]  shard
-- KEYS[2]  inbox
-- ARGV[1]  token of the lease
-- ARGV[2]  how many entries lie before that part
-- ARGV[3]  most entries to return
-- ARGV[4]  bytes of entries after which to stop; at least one is returned
-- ARGV[5]  most entries to read in one step: of large ones not many are read in vain
--
-- Answer   'lease'   the lease is not the caller's
--          {entry…}

local inboxKey = KEYS[2]
local first, last = tonumber(ARGV[2]), tonumber(ARGV[2]) + tonumber(ARGV[3])
local maxBytes = tonumber(ARGV[4])
local maxStep = tonumber(ARGV[5])

if redis.call('HGET', KEYS[1], 'lease') ~= ARGV[1] then
  return 'lease'
end
return entriesOf(inboxKey, first, math.min(last, redis.call('LLEN', inboxKey)), maxBytes, maxStep)

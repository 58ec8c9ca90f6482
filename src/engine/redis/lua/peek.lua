#!lua flags=allow-oom
-- peek: takes or extends a shard's lease and reads the oldest entries of its inbox. Removes nothing.
--
-- A lease is written only when less than half of it remains: with `appendfsync always` each write is an fsync.
--
-- The shard remembers which Redis process it was last merged on (its run_id). Under another one, restarted or promoted,
-- events that somebody has seen may be gone, and new ones would get their offsets. So the lease, whoever's it was,
-- ends, and nobody gets it for ARGV[6]: time for those who saw them to say so (`renew`). This goes by what is stored, so
-- that it holds for a merger that was not there before; where a user may not call INFO there is no such pause.
--
-- Entries are read in steps of 1, 2, 4 …, so that of large ones not many are read in vain.
--
-- KEYS[1]  shard
-- KEYS[2]  inbox
-- ARGV[1]  token of the caller
-- ARGV[2]  lease, milliseconds from now
-- ARGV[3]  most entries to return
-- ARGV[4]  bytes of entries after which to stop
-- ARGV[5]  epoch for a shard that has none
-- ARGV[6]  how long nobody merges after another Redis process took over, milliseconds
-- ARGV[7]  most entries to read in one step
--
-- Answer   {0, ms}                                      another token has the lease, or nobody may, for so long
--          {1, epoch, rev, events, waiting, {entry…}}   the lease is the caller's; `waiting` entries are in the inbox

local shardKey, inboxKey = KEYS[1], KEYS[2]
local token = ARGV[1]
local leaseMs = tonumber(ARGV[2])
local maxEntries = tonumber(ARGV[3])
local maxBytes = tonumber(ARGV[4])
local newEpoch = ARGV[5]
local pauseMs = tonumber(ARGV[6])
local maxStep = tonumber(ARGV[7])

local time = redis.call('TIME')
local nowMs = time[1] * 1000 + math.floor(time[2] / 1000)
local shard = redis.call('HMGET', shardKey, 'epoch', 'rev', 'events', 'lease', 'leaseUntil', 'server', 'mergeFrom')
local epoch, rev, events, holder = shard[1], shard[2] or '0', shard[3] or '0', shard[4]
local remainingMs = holder and tonumber(shard[5]) - nowMs or 0
local server, mergeFrom = shard[6], tonumber(shard[7] or '0')

local info = redis.pcall('INFO', 'server')
local thisServer = type(info) == 'string' and string.match(info, 'run_id:(%x+)')
if thisServer and thisServer ~= server then
  redis.call('HSET', shardKey, 'server', thisServer, 'serverBefore', server or '', 'serverSince', rev)
  if server then
    mergeFrom = nowMs + pauseMs
    redis.call('HSET', shardKey, 'mergeFrom', mergeFrom)
    redis.call('HDEL', shardKey, 'lease', 'leaseUntil')
    holder = nil
  end
end
local pausedMs = mergeFrom - nowMs
-- More than the whole of it: the clock was set back.
if pausedMs > 0 and pausedMs <= pauseMs then
  return {0, pausedMs}
end
if holder and holder ~= token and remainingMs > 0 then
  return {0, remainingMs}
end
if not epoch then
  epoch = newEpoch
  redis.call('HSET', shardKey, 'epoch', epoch)
end
if holder ~= token or remainingMs < leaseMs / 2 then
  redis.call('HSET', shardKey, 'lease', token, 'leaseUntil', nowMs + leaseMs)
end

local entries, bytes, step = {}, 0, 1
local waiting = redis.call('LLEN', inboxKey)
local last = math.min(waiting, maxEntries)
while #entries < last and bytes <= maxBytes do
  local from = #entries
  local batch = redis.call('LRANGE', inboxKey, from, math.min(from + step, last) - 1)
  for i = 1, #batch do
    if bytes > maxBytes then
      break
    end
    entries[#entries + 1] = batch[i]
    bytes = bytes + #batch[i]
  end
  step = math.min(2 * step, maxStep)
end
return {1, epoch, rev, events, waiting, entries}

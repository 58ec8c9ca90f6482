#!lua flags=allow-oom
-- history: a log's bounds and the events after a position, or the newest ones, read as one. Whether the position can be resumed from is
-- for the caller to judge (`gapAt`): the answer to one that cannot is of no use.
--
-- The oldest kept follows from the length of the list and is stored nowhere: a list that lost events says so.
--
-- Events are read in steps of 1, 2, 4 … so that of large ones not many are read in vain, and of small ones the calls are few.
--
-- KEYS[1]  shard
-- KEYS[2]  forgotten
-- KEYS[3]  meta
-- KEYS[4]  history
-- KEYS[5]  recent
-- ARGV[1]  epoch for a shard that has none
-- ARGV[2]  channel
-- ARGV[3]  epoch of the position; '' for the newest events
-- ARGV[4]  offset of the position; any number with ''
-- ARGV[5]  most events to return
-- ARGV[6]  bytes of events after which to stop; at least one is returned
-- ARGV[7]  most events to read in one step
-- ARGV[8]  what an event weighs beside its bytes
--
-- Answer   {epoch, events of the shard, forgotten, forgotten of this channel or nil, head or nil, base or nil,
--           count of events kept, clock of the shard (ms), {event…}, fold of this channel or nil, epoch of the shard before
--           this one or nil, 1 where the position is of that one and of this one as well, the last offset that both have or nil,
--           the first that is archived or nil, the last that told of others that were erased or nil}; head and base nil for a
--           channel that does not exist
--          {}  the position is ahead of a log that may be refilled yet (lua/refilling.lua)

local shardKey, forgottenKey, metaKey, historyKey, recentKey = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local newEpoch = ARGV[1]
local channel = ARGV[2]
local epochAsked = ARGV[3]
local after = tonumber(ARGV[4])
local limit = tonumber(ARGV[5])
local maxBytes = tonumber(ARGV[6])
local maxStep = tonumber(ARGV[7])
local overhead = tonumber(ARGV[8])

-- The events from one index of the list to another, as long as they do not exceed `maxBytes`.
local function oldest(first, last)
  local events, bytes, step = {}, 0, 1
  while first <= last and bytes <= maxBytes do
    local batch = redis.call('LRANGE', historyKey, first, math.min(first + step - 1, last))
    for i = 1, #batch do
      if bytes > maxBytes then
        break
      end
      events[#events + 1] = batch[i]
      bytes = bytes + #batch[i] + overhead
    end
    first = first + step
    step = math.min(2 * step, maxStep)
  end
  return events
end

-- The same from the other end; the oldest first.
local function newest(first, last)
  local backward, bytes, step = {}, 0, 1
  while first <= last and bytes <= maxBytes do
    local batch = redis.call('LRANGE', historyKey, math.max(first, last - step + 1), last)
    for i = #batch, 1, -1 do
      if bytes > maxBytes then
        break
      end
      backward[#backward + 1] = batch[i]
      bytes = bytes + #batch[i] + overhead
    end
    last = last - step
    step = math.min(2 * step, maxStep)
  end
  local events, count = {}, #backward
  for i = 1, count do
    events[i] = backward[count + 1 - i]
  end
  return events
end

local shard = redis.call('HMGET', shardKey, 'epoch', 'events', 'forgotten', 'clock', 'clockAt', 'leaseMs',
  'parent', 'parentOf', 'parentSince', 'parentEvents', 'archiving', 'refill', 'rev', 'server')
local epoch = shard[1]
if not epoch then
  epoch = newEpoch
  redis.call('HSET', shardKey, 'epoch', epoch)
end
local meta = redis.call('HMGET', metaKey, 'head', 'base', 'fold', 'fork', 'forkSince', 'archivedFrom', 'erased')
local head, base = meta[1], meta[2]
local kept = redis.call('LLEN', historyKey)
local epochNow, parent = channelEpoch(epoch, meta[3]), parentOf(epoch, shard[7], shard[8])
local fork, isOfBoth
if parent then
  fork = forkOf(shard[9], shard[10], redis.call('ZSCORE', recentKey, channel), head, meta[4], meta[5])
  isOfBoth = epochAsked ~= epochNow and epochAsked == channelEpoch(parent, meta[3]) and fork ~= nil and after <= fork
end
local isAhead = epochAsked == epochNow and after > tonumber(head or shard[2] or '0')
if isAhead and mayBeRefilled(shard[11], shard[12], shard[13], shard[14]) then
  return {}
end
local events = {}
if head and limit > 0 and epochAsked == '' then
  events = newest(math.max(0, kept - limit), kept - 1)
elseif head and limit > 0 and (epochAsked == epochNow or isOfBoth) then
  local first = math.max(0, after - (head - kept))
  events = oldest(first, math.min(first + limit, kept) - 1)
end
return {
  epoch, shard[2] or '0', shard[3] or '0', redis.call('ZSCORE', forgottenKey, channel), head, base, kept,
  digits(storeMs(shard[4], shard[5], shard[6], redisMs())), events, meta[3],
  parent, isOfBoth and 1 or 0, fork and digits(fork) or false, meta[6], meta[7],
}

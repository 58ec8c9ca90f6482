#!lua flags=allow-oom
-- tails: for many channels of a shard what `history` answers for each, read as one. Whether a position can be resumed from is
-- for the caller to judge (`gapAt`).
--
-- KEYS[1]  shard
-- KEYS[2]  forgotten
-- KEYS[…]  for each channel: meta, history
-- ARGV[1]  epoch for a shard that has none
-- ARGV[2]  most events of a channel to return
-- ARGV[3]  bytes of events, all channels together, after which to stop; of the first channel at least one event is returned
-- ARGV[4]  most events to read in one step
-- ARGV[5]  what an event weighs beside its bytes
-- ARGV[6]  how long what stands before the channel in the name of its meta is, bytes
-- ARGV[7]  MessagePack: a flat array that has for each channel: epoch and offset of its position
--
-- Answer   {epoch, events of the shard, forgotten, epoch of the shard before this one or nil, [head or nil, base or nil, count of events kept, forgotten of this
--           channel or nil, {event…}, fold or nil, first offset that is archived or nil] for each channel}; it ends before those that there was no room for

local shardKey, forgottenKey = KEYS[1], KEYS[2]
local newEpoch = ARGV[1]
local limit = tonumber(ARGV[2])
local maxBytes = tonumber(ARGV[3])
local maxStep = tonumber(ARGV[4])
local overhead = tonumber(ARGV[5])
local nameFrom = tonumber(ARGV[6]) + 1
local positions = cmsgpack.unpack(ARGV[7])

local FIRST_CHANNEL_KEY = 3

local shard = redis.call('HMGET', shardKey, 'epoch', 'events', 'forgotten', 'parent', 'parentOf')
local epoch = shard[1]
if not epoch then
  epoch = newEpoch
  redis.call('HSET', shardKey, 'epoch', epoch)
end

local bytes = 0

-- The events from one index of a list to another, as long as there is room, in steps of 1, 2, 4 …
local function read(historyKey, first, last)
  local events, step = {}, 1
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

local answer = {epoch, shard[2] or '0', shard[3] or '0', parentOf(epoch, shard[4], shard[5])}
local at = 4
for i = 1, #positions, 2 do
  if bytes > maxBytes then
    break
  end
  local metaKey, historyKey = KEYS[FIRST_CHANNEL_KEY + i - 1], KEYS[FIRST_CHANNEL_KEY + i]
  local meta = redis.call('HMGET', metaKey, 'head', 'base', 'fold', 'archivedFrom')
  local head = meta[1]
  local kept = redis.call('LLEN', historyKey)
  local events = {}
  if head and limit > 0 and positions[i] == channelEpoch(epoch, meta[3]) then
    local first = math.max(0, positions[i + 1] - (head - kept))
    events = read(historyKey, first, math.min(first + limit, kept) - 1)
  end
  answer[at + 1], answer[at + 2], answer[at + 3] = head, meta[2], kept
  answer[at + 4] = redis.call('ZSCORE', forgottenKey, string.sub(metaKey, nameFrom))
  answer[at + 5], answer[at + 6], answer[at + 7] = events, meta[3], meta[4]
  at = at + 7
end
return answer

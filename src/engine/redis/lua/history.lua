#!lua flags=allow-oom
-- history: a log's bounds and the events after a position, or the newest ones, read as one. Whether the position can be resumed from is
-- for the caller to judge (`gapAt`): the answer to one that cannot is of no use.
--
-- The oldest kept follows from the length of the list and is stored nowhere: a list that lost events says so.
--
-- KEYS[1]  shard
-- KEYS[2]  forgotten
-- KEYS[3]  meta
-- KEYS[4]  history
-- ARGV[1]  epoch for a shard that has none
-- ARGV[2]  channel
-- ARGV[3]  epoch of the position; '' for the newest events
-- ARGV[4]  offset of the position; any number with ''
-- ARGV[5]  most events to return
--
-- Answer   {epoch, events of the shard, forgotten, forgotten of this channel or nil, head or nil, base or nil,
--           count of events kept, {event…}}; head and base nil for a channel that does not exist

local shardKey, forgottenKey, metaKey, historyKey = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local newEpoch = ARGV[1]
local channel = ARGV[2]
local epochAsked = ARGV[3]
local after = tonumber(ARGV[4])
local limit = tonumber(ARGV[5])

local shard = redis.call('HMGET', shardKey, 'epoch', 'events', 'forgotten')
local epoch = shard[1]
if not epoch then
  epoch = newEpoch
  redis.call('HSET', shardKey, 'epoch', epoch)
end
local meta = redis.call('HMGET', metaKey, 'head', 'base')
local head, base = meta[1], meta[2]
local kept = redis.call('LLEN', historyKey)
local events = {}
if head and limit > 0 and (epochAsked == '' or epochAsked == epoch) then
  local start = math.max(0, epochAsked == '' and kept - limit or after - (head - kept))
  if start < kept then
    events = redis.call('LRANGE', historyKey, start, start + limit - 1)
  end
end
return {
  epoch, shard[2] or '0', shard[3] or '0', redis.call('ZSCORE', forgottenKey, channel), head, base, kept, events,
}

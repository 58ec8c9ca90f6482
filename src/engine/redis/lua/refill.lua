#!lua flags=allow-oom
-- refill: puts back events that this Redis lost when it came back with less, and an archive has: under the offsets and in the epoch
-- that they had. First all checks, then all writes; as a script it runs wholly or not at all, and `rev` makes a repetition a no-op.
--
-- Up to its new head a channel is what it was, so that is where what it has in common with the epoch before ends, once the shard gets
-- a new one (lua/lineage.lua). It always does (`unvouched`): nobody knows whether the archive had all that was lost.
--
-- KEYS[1]  shard
-- KEYS[2]  inbox
-- KEYS[3]  dedupe expiry
-- KEYS[4]  recent
-- KEYS[…]  of the channels, as lua/channel-commits.lua says
-- ARGV[1]  token of the lease
-- ARGV[2]  rev as it was read
-- ARGV[3]  events kept per channel
-- ARGV[4]  how long a publisher is remembered, milliseconds
-- ARGV[5]  how many more events than it adds a call may trim of one channel
-- ARGV[6]  what the pub/sub names of channels begin with
-- ARGV[7]  '1' when all is there: the merge may begin
-- ARGV[8]  with that, how many events the shard had made of which all are there; '0' where nobody knows
-- ARGV[9]  what the clock of the shard said when the last of these events was merged, milliseconds; '0' where nobody knows
-- ARGV[10] count of inbox entries that became these events already: their commit took them away, and was lost
-- ARGV[…]  those entries; then for each channel the oldest offset that is archived
-- ARGV[#ARGV]  MessagePack: the channels, as lua/channel-commits.lua says; none is begun anew
--
-- Answer   rev                       as it is now
--          'lease', 'rev' or 'head'  refused, nothing was written; 'lease' also under another Redis process than the shard was last
--                                    peeked at, 'rev' also where nothing is to be put back any more

local shardKey, inboxKey, dedupeExpiryKey, recentKey = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local token = ARGV[1]
local rev = ARGV[2]
local historyMaxEvents = tonumber(ARGV[3])
local dedupeTtlMs = tonumber(ARGV[4])
local trimMore = tonumber(ARGV[5])
local eventsPrefix = ARGV[6]
local isComplete = ARGV[7] == '1'
local eventsThere = tonumber(ARGV[8])
local mergedMs = tonumber(ARGV[9])
local entries = tonumber(ARGV[10])

local FIRST_ENTRY, FIRST_CHANNEL_KEY = 11, 5
local firstArchived = FIRST_ENTRY + entries
local channels = cmsgpack.unpack(ARGV[#ARGV])

local shard = redis.call('HMGET', shardKey, 'lease', 'rev', 'refill', 'server', 'events', 'clock', 'clockAt', 'leaseMs', 'fork',
  'forkEvents', 'refillFork', 'refillMade', 'serverReplId')
if shard[1] ~= token then
  return 'lease'
end
if not isThisServer(shard[4], shard[13]) then
  return 'lease'
end
if (shard[2] or '0') ~= rev or shard[3] ~= rev then
  return 'rev'
end

-- Where each channel was when this process took over: that is where it is now. But where an earlier takeover counts still, of which
-- somebody may remember more, it is noted as by a commit (lua/lineage.lua).
local since, eventsThen = shard[9], tonumber(shard[10])
local isOfThis = since and shard[11] == since
local forks = {}

for at, key in eachChannel(channels, FIRST_CHANNEL_KEY) do
  local head, after = channels[at + 1], channels[at + 2]
  local meta = redis.call('HMGET', KEYS[key], 'head', 'fork', 'forkSince')
  if (meta[1] or '') ~= head then
    return 'head'
  end
  if since then
    local score = redis.call('ZSCORE', recentKey, channels[at])
    local isUntouched = score and tonumber(score) <= tonumber(since)
    if isOfThis and (head == '' or isUntouched or (meta[3] == since and meta[2] == head)) then
      forks[at] = after
    elseif head == '' then
      forks[at] = digits(math.min(channels[at + 4] - 1, eventsThen))
    elseif isUntouched then
      forks[at] = head
    end
  end
end
local refusal = refused({'RPUSH', 'LTRIM', 'LREM', 'HSET', 'HDEL', 'ZADD', 'SPUBLISH', 'DEL', 'ZCARD', 'ZPOPMIN'}, inboxKey, eventsPrefix)
if refusal then
  return refusal
end

if #channels > 0 then
  local nowMs = redisMs()
  -- Nobody merged what is put back after the clock that it is put back at.
  local clock = math.max(storeMs(shard[6], shard[7], shard[8], nowMs), mergedMs)
  local now, expires = digits(clock), digits(clock + dedupeTtlMs)
  local newRev, events, archived = digits(tonumber(rev) + 1), tonumber(shard[5] or '0'), firstArchived
  local made = tonumber(shard[12] or events)
  local recent, expiry = {}, {}
  for i = FIRST_ENTRY, firstArchived - 1 do
    redis.call('LREM', inboxKey, 1, ARGV[i])
  end
  for at, key, firstEvent, firstField, firstPublisher, next in eachChannel(channels, FIRST_CHANNEL_KEY) do
    local metaKey, historyKey, head = KEYS[key], KEYS[key + 1], channels[at + 2]
    local count = firstField - firstEvent
    -- Not all that was made between them may be there, yet or ever; but the first event of the next new channel is to be above all.
    made = made + count
    events = math.max(events, made, tonumber(head))
    local length = inBatches('RPUSH', historyKey, channels, firstEvent, firstField - 1)
    local trimmed = math.min(length - historyMaxEvents, count + trimMore)
    if trimmed > 0 then
      redis.call('LTRIM', historyKey, trimmed, -1)
    end
    redis.call('HSET', metaKey, 'head', head, 'reducer', channels[at + 3], 'used', now, 'archived', head, 'archivedFrom', ARGV[archived])
    if channels[at + 1] == '' then
      redis.call('HSET', metaKey, 'base', digits(channels[at + 4] - 1))
    end
    if forks[at] then
      redis.call('HSET', metaKey, 'fork', forks[at], 'forkSince', since)
    end
    archived = archived + 1
    recent[#recent + 1] = newRev
    recent[#recent + 1] = channels[at]
    writeFieldsAndSeqs(channels, at, firstEvent, firstField, firstPublisher, next, key, expires, expiry)
  end
  inBatches('ZADD', recentKey, recent, 1, #recent)
  inBatches('ZADD', dedupeExpiryKey, expiry, 1, #expiry)
  redis.call('HSET', shardKey, 'rev', newRev, 'refill', newRev, 'refillMade', digits(made), 'events', digits(events),
    'clock', digits(clock), 'clockAt', digits(nowMs), 'unvouched', '-')
  rev = newRev
  for at, _, firstEvent, firstField in eachChannel(channels, FIRST_CHANNEL_KEY) do
    redis.call('SPUBLISH', eventsPrefix .. channels[at],
      channels[at + 5] .. table.concat(channels, '', firstEvent, firstField - 1))
  end
end
if isComplete then
  -- What is empty up to there was so before.
  if eventsThere > tonumber(redis.call('HGET', shardKey, 'events') or '0') then
    redis.call('HSET', shardKey, 'events', digits(eventsThere))
  end
  if isOfThis and eventsThere > eventsThen then
    redis.call('HSET', shardKey, 'forkEvents', digits(eventsThere))
  end
  redis.call('HDEL', shardKey, unpack(REFILL_FIELDS))
end
return tonumber(rev)

#!lua flags=allow-oom
-- commit: the one step in which events come into being. First all checks, then all writes; the inbox gives up its
-- entries last. As a script it runs wholly or not at all, and `rev` makes a repetition a no-op.
--
-- allow-oom: a full Redis must be able to empty its inboxes.
--
-- KEYS[1]  shard
-- KEYS[2]  inbox
-- KEYS[3]  dedupe expiry
-- KEYS[4]  recent
-- KEYS[5]  bad
-- KEYS[…]  of the channels, as lua/channel-commits.lua says
-- ARGV[1]  token of the lease
-- ARGV[2]  rev as it was read
-- ARGV[3]  count of entries the inbox gives up
-- ARGV[4]  the last of those entries, as it was read; '' to not check
-- ARGV[5]  events kept per channel
-- ARGV[6]  how long a publisher is remembered, milliseconds
-- ARGV[7]  count of unreadable entries; ARGV[8] how many of them the shard keeps
-- ARGV[9]  what the pub/sub names of channels begin with
-- ARGV[10] how many more events than it adds a commit may trim of one channel
-- ARGV[…]  the unreadable entries
-- ARGV[#ARGV]  MessagePack: the channels, as lua/channel-commits.lua says
--
-- Answer   {rev, events, waiting, clock}  committed; as they are now, how many entries are left (integers), what the clock of
--                                         the shard says (ms)
--          'lease', 'rev' or 'head'       refused, nothing was written; 'lease' also under another Redis process than
--                                         the shard was last peeked at (lua/peek.lua)
--          'backlog'                      the same: too much waits to be archived
--
-- Why ARGV[4]: a Redis that lost its last appends in a crash may be at the same rev and lease while other changes
-- have taken the places of those that were read. They would be given up without ever having been merged.

local shardKey, inboxKey, dedupeExpiryKey, recentKey, badKey = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local token = ARGV[1]
local rev = ARGV[2]
local entries = tonumber(ARGV[3])
local lastEntry = ARGV[4]
local historyMaxEvents = tonumber(ARGV[5])
local dedupeTtlMs = tonumber(ARGV[6])
local unreadable = tonumber(ARGV[7])
local unreadableKept = ARGV[8]
local eventsPrefix = ARGV[9]
local trimMore = tonumber(ARGV[10])

local FIRST_UNREADABLE = 11
local channels = cmsgpack.unpack(ARGV[#ARGV])
local FIRST_CHANNEL_KEY = 6
-- As in engine/archiving.ts.
local BACKLOG_OVER, EVENT_OVERHEAD = 1.25, 64

local nowMs = redisMs()
local shard = redis.call('HMGET', shardKey, 'lease', 'rev', 'events', 'popped', 'server', 'clock', 'clockAt', 'leaseMs',
  'fork', 'parentSince', 'archiving', 'serverReplId')
if shard[1] ~= token then
  return 'lease'
end
if not isThisServer(shard[5], shard[12]) then
  return 'lease'
end
if (shard[2] or '0') ~= rev then
  return 'rev'
end
-- With the one that follows it: where there is none, nothing is left.
local last = entries > 0 and redis.call('LRANGE', inboxKey, entries - 1, entries)
if lastEntry ~= '' and last[1] ~= lastEntry then
  return 'rev'
end

-- What is not archived is not trimmed (lua/mark-archived.lua). What a bucket does not know when it appends stops here.
local archiving, archived, unarchived, unarchivedBytes = shard[11], {}, 0, 0
if archiving then
  local waits = redis.call('HMGET', shardKey, 'unarchived', 'unarchivedBytes')
  unarchived, unarchivedBytes = tonumber(waits[1] or '0'), tonumber(waits[2] or '0')
  if unarchivedBytes > BACKLOG_OVER * tonumber(archiving) then
    return 'backlog'
  end
end

-- Where each channel was when another Redis process took over, noted with its first events after that (lua/lineage.lua).
local since, forks = shard[9] or shard[10], {}
local eventsThen = since and redis.call('HGET', shardKey, shard[9] and 'forkEvents' or 'parentEvents')

local events, hasState = tonumber(shard[3] or '0'), false
for at, key, firstEvent, firstField in eachChannel(channels, FIRST_CHANNEL_KEY) do
  hasState = hasState or channels[at + 7] > 0 or channels[at + 9] > 0 or channels[at + 10] ~= ''
  local head = channels[at + 1]
  local headNow
  if archiving then
    local meta = redis.call('HMGET', KEYS[key], 'head', 'archived', 'base')
    headNow, archived[at] = meta[1], tonumber(meta[2] or meta[3] or channels[at + 4] - 1)
  else
    headNow = redis.call('HGET', KEYS[key], 'head')
  end
  if (headNow or '') ~= head then
    return 'head'
  end
  if head == '' and firstField > firstEvent and channels[at + 4] ~= events + 1 then
    return 'head'
  end
  if since and firstField > firstEvent then
    local score = redis.call('ZSCORE', recentKey, channels[at])
    if head == '' then
      forks[at] = digits(math.min(channels[at + 4] - 1, tonumber(eventsThen)))
    elseif score and tonumber(score) <= tonumber(since) then
      forks[at] = head
    end
  end
end

local refusal = refused({'RPUSH', 'LTRIM', 'HSET', 'ZADD', 'SPUBLISH'}, inboxKey, eventsPrefix) or
  (hasState and refused({'DEL', 'HDEL', 'UNLINK', 'ZCARD', 'ZPOPMIN'}, inboxKey, eventsPrefix))
if refusal then
  return refusal
end

local newRev = digits(tonumber(rev) + 1)
local clock = storeMs(shard[6], shard[7], shard[8], nowMs)
local now, expires = digits(clock), digits(clock + dedupeTtlMs)
local recent = {}
local expiry = {}
for at, key, firstEvent, firstField, firstPublisher, next in eachChannel(channels, FIRST_CHANNEL_KEY) do
  local name = channels[at]
  local metaKey, historyKey = KEYS[key], KEYS[key + 1]
  if firstField > firstEvent then
    events = events + firstField - firstEvent
    local length = inBatches('RPUSH', historyKey, channels, firstEvent, firstField - 1)
    -- Far too many are kept where fewer are to be kept than before: they go in the commits that follow.
    local trimmed = math.min(length - historyMaxEvents, firstField - firstEvent + trimMore)
    if archiving then
      trimmed = math.min(trimmed, archived[at] - (channels[at + 2] - length))
      unarchived = unarchived + firstField - firstEvent
      for i = firstEvent, firstField - 1 do
        unarchivedBytes = unarchivedBytes + #channels[i] + EVENT_OVERHEAD
      end
    end
    if trimmed > 0 then
      redis.call('LTRIM', historyKey, trimmed, -1)
    end
    redis.call('HSET', metaKey, 'head', channels[at + 2], 'reducer', channels[at + 3], 'used', now)
    if channels[at + 1] == '' then
      redis.call('HSET', metaKey, 'base', digits(channels[at + 4] - 1))
    end
    if forks[at] then
      redis.call('HSET', metaKey, 'fork', forks[at], 'forkSince', since)
    end
    recent[#recent + 1] = newRev
    recent[#recent + 1] = name
  end
  if channels[at + 10] ~= '' then
    -- Not DEL: what a large state takes is given back by another thread.
    redis.call('UNLINK', KEYS[key + 2], KEYS[key + 3])
    redis.call('HDEL', metaKey, 'size', 'indexed', 'indexedFrom')
    redis.call('HSET', metaKey, 'fold', channels[at + 10])
  end
  writeFieldsAndSeqs(channels, at, firstEvent, firstField, firstPublisher, next, key, expires, expiry)
end
inBatches('ZADD', recentKey, recent, 1, #recent)
inBatches('ZADD', dedupeExpiryKey, expiry, 1, #expiry)
if unreadable > 0 then
  inBatches('RPUSH', badKey, ARGV, FIRST_UNREADABLE, #ARGV - 1)
  redis.call('LTRIM', badKey, -unreadableKept, -1)
end
redis.call('HSET', shardKey, 'rev', newRev, 'events', digits(events), 'popped', digits((shard[4] or 0) + entries),
  'clock', now, 'clockAt', digits(nowMs))
if archiving then
  redis.call('HSET', shardKey, 'unarchived', digits(unarchived), 'unarchivedBytes', digits(unarchivedBytes))
end
for at, _, firstEvent, firstField in eachChannel(channels, FIRST_CHANNEL_KEY) do
  if firstField > firstEvent then
    redis.call('SPUBLISH', eventsPrefix .. channels[at],
      channels[at + 5] .. table.concat(channels, '', firstEvent, firstField - 1))
  end
end
if entries > 0 then
  redis.call('LTRIM', inboxKey, entries, -1)
end
local isEmpty = last and not last[2]
return {tonumber(newRev), events, isEmpty and 0 or redis.call('LLEN', inboxKey), now}

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
-- KEYS[…]  for each channel: meta, history, state, dedupe
-- ARGV[1]  token of the lease
-- ARGV[2]  rev as it was read
-- ARGV[3]  count of entries the inbox gives up
-- ARGV[4]  the last of those entries, as it was read; '' to not check
-- ARGV[5]  events kept per channel
-- ARGV[6]  how long a publisher is remembered, milliseconds
-- ARGV[7]  count of unreadable entries; ARGV[8] how many of them the shard keeps; then the entries
-- ARGV[…]  for each channel: name, pub/sub name, head as it was read ('' when it must not exist), reducer,
--          offset of the first event, head of the published batch (MessagePack), counts of events, state fields and
--          publishers; then the events (MessagePack), the fields as pairs field, value, the publishers as pairs from, seq
--
-- Answer   {rev, events}                  committed; both as they are now (integers)
--          'lease', 'rev' or 'head'       refused, nothing was written
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
local unreadableKept = tonumber(ARGV[8])

local FIRST_UNREADABLE = 9
local FIRST_CHANNEL = FIRST_UNREADABLE + unreadable
local CHANNEL_KEYS_FROM, KEYS_PER_CHANNEL = 6, 4
-- Lua's stack holds about 8,000 values; even, so that pairs stay together.
local BATCH = 1000

local function inBatches(command, key, first, last)
  local length
  for from = first, last, BATCH do
    length = redis.call(command, key, unpack(ARGV, from, math.min(from + BATCH - 1, last)))
  end
  return length
end

local time = redis.call('TIME')
local nowMs = time[1] * 1000 + math.floor(time[2] / 1000)
local shard = redis.call('HMGET', shardKey, 'lease', 'leaseUntil', 'rev', 'events')
if shard[1] ~= token or tonumber(shard[2]) <= nowMs then
  return 'lease'
end
if (shard[3] or '0') ~= rev then
  return 'rev'
end
if lastEntry ~= '' and redis.call('LINDEX', inboxKey, entries - 1) ~= lastEntry then
  return 'rev'
end

local newOffset = tonumber(shard[4] or '0') + 1
local channels = {}
local at = FIRST_CHANNEL
for k = CHANNEL_KEYS_FROM, #KEYS, KEYS_PER_CHANNEL do
  local channel = {
    name = ARGV[at],
    publishTo = ARGV[at + 1],
    isNew = ARGV[at + 2] == '',
    reducer = ARGV[at + 3],
    firstOffset = tonumber(ARGV[at + 4]),
    batchHead = ARGV[at + 5],
    events = tonumber(ARGV[at + 6]),
    fields = tonumber(ARGV[at + 7]),
    publishers = tonumber(ARGV[at + 8]),
    metaKey = KEYS[k],
    historyKey = KEYS[k + 1],
    stateKey = KEYS[k + 2],
    dedupeKey = KEYS[k + 3],
  }
  if (redis.call('HGET', channel.metaKey, 'head') or '') ~= ARGV[at + 2] then
    return 'head'
  end
  if channel.isNew and channel.events > 0 and channel.firstOffset ~= newOffset then
    return 'head'
  end
  channel.firstEvent = at + 9
  channel.firstField = channel.firstEvent + channel.events
  channel.firstPublisher = channel.firstField + 2 * channel.fields
  at = channel.firstPublisher + 2 * channel.publishers
  channels[#channels + 1] = channel
end

local newRev = redis.call('HINCRBY', shardKey, 'rev', 1)
local made = 0
for _, channel in ipairs(channels) do
  if channel.events > 0 then
    made = made + channel.events
    local length = inBatches('RPUSH', channel.historyKey, channel.firstEvent, channel.firstField - 1)
    if length > historyMaxEvents then
      redis.call('LTRIM', channel.historyKey, -historyMaxEvents, -1)
    end
    local head = channel.firstOffset + channel.events - 1
    redis.call('HSET', channel.metaKey, 'head', head, 'reducer', channel.reducer, 'used', nowMs)
    if channel.isNew then
      redis.call('HSET', channel.metaKey, 'base', channel.firstOffset - 1)
    end
    redis.call('ZADD', recentKey, newRev, channel.name)
    if channel.fields > 0 then
      inBatches('HSET', channel.stateKey, channel.firstField, channel.firstPublisher - 1)
    end
  end
  if channel.publishers > 0 then
    local last = channel.firstPublisher + 2 * channel.publishers - 1
    inBatches('HSET', channel.dedupeKey, channel.firstPublisher, last)
    for i = channel.firstPublisher, last, 2 do
      redis.call('ZADD', dedupeExpiryKey, nowMs + dedupeTtlMs, channel.name .. ' ' .. ARGV[i])
    end
  end
end
if unreadable > 0 then
  inBatches('RPUSH', badKey, FIRST_UNREADABLE, FIRST_CHANNEL - 1)
  redis.call('LTRIM', badKey, -unreadableKept, -1)
end
local events = redis.call('HINCRBY', shardKey, 'events', made)
redis.call('HINCRBY', shardKey, 'popped', entries)
for _, channel in ipairs(channels) do
  if channel.events > 0 then
    redis.call('SPUBLISH', channel.publishTo,
      channel.batchHead .. table.concat(ARGV, '', channel.firstEvent, channel.firstField - 1))
  end
end
if entries > 0 then
  redis.call('LTRIM', inboxKey, entries, -1)
end
return {newRev, events}

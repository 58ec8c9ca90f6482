#!lua flags=allow-oom
-- sweep: forgets publishers and channels that `expired` proposed, if that still holds. The dedupe of a forgotten
-- channel stays until its own time. What is to be archived first stays (lua/mark-archived.lua). A channel that goes on in the archive
-- stays for as long as that: of its history only the last event does, for the archive has all before it.
--
-- What a channel leaves behind is the shard's `events` at that moment: cursors older than it are of an earlier
-- incarnation. It is kept for each of the last channels forgotten, and for all before them together (`forgotten`), so
-- that forgetting one channel does not spoil the cursors of every empty channel of the shard.
--
-- KEYS[1]  shard
-- KEYS[2]  dedupe expiry
-- KEYS[3]  recent
-- KEYS[4]  forgotten
-- KEYS[…]  for each publisher: dedupe of its channel; then for each channel: meta, history, state, index
-- ARGV[1]  token of the lease
-- ARGV[2]  silence after which a channel is forgotten, milliseconds
-- ARGV[3]  how many forgotten channels are remembered one by one
-- ARGV[4]  count of publishers
-- ARGV[…]  for each publisher: channel, from; then for each channel: its name, and how long it is kept where it is archived,
--          milliseconds; -1: for ever
--
-- Answer   'lease'                  the lease is not the caller's, nothing was forgotten
--          {rev, events, {i…}, {j…}, n}
--                                   as they are now, `rev` + 1 if anything was forgotten; which of the channels and of
--                                   the publishers were, by their places from 1; how many of the channels are in use

local shardKey, dedupeExpiryKey, recentKey, forgottenKey = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local token = ARGV[1]
local idleMs = tonumber(ARGV[2])
local rememberedMax = tonumber(ARGV[3])
local publishers = tonumber(ARGV[4])

local FIRST_PUBLISHER, FIRST_PUBLISHER_KEY = 5, 5
local FIRST_CHANNEL, FIRST_CHANNEL_KEY = FIRST_PUBLISHER + 2 * publishers, FIRST_PUBLISHER_KEY + publishers

local shard = redis.call('HMGET', shardKey, 'lease', 'clock', 'forgotten', 'rev', 'events', 'clockAt', 'leaseMs', 'archiving')
if shard[1] ~= token then
  return 'lease'
end
local nowMs = storeMs(shard[2], shard[6], shard[7], redisMs())

local publishersGone = {}
for i = 0, publishers - 1 do
  local channel, from = ARGV[FIRST_PUBLISHER + 2 * i], ARGV[FIRST_PUBLISHER + 2 * i + 1]
  local member = channel .. ' ' .. from
  local expiry = redis.call('ZSCORE', dedupeExpiryKey, member)
  if expiry and tonumber(expiry) <= nowMs then
    redis.call('HDEL', KEYS[FIRST_PUBLISHER_KEY + i], from)
    redis.call('ZREM', dedupeExpiryKey, member)
    publishersGone[#publishersGone + 1] = i + 1
  end
end

local channelsGone, events, inUse = {}, tonumber(shard[5] or '0'), 0
for i = 0, (#ARGV - FIRST_CHANNEL - 1) / 2 do
  local channel, keptMs = ARGV[FIRST_CHANNEL + 2 * i], tonumber(ARGV[FIRST_CHANNEL + 2 * i + 1])
  local k = FIRST_CHANNEL_KEY + 4 * i
  local metaKey, historyKey, stateKey, indexKey = KEYS[k], KEYS[k + 1], KEYS[k + 2], KEYS[k + 3]
  local meta = redis.call('HMGET', metaKey, 'used', 'head', 'archived')
  local used, isNeeded = meta[1], shard[8] and tonumber(meta[3] or '0') < tonumber(meta[2] or '0')
  if not used then
    -- Whatever took it away: at the front of all it would keep others from being forgotten.
    redis.call('ZREM', recentKey, channel)
  elseif tonumber(used) + idleMs > nowMs then
    inUse = inUse + 1
  elseif not isNeeded and shard[8] and (keptMs < 0 or tonumber(used) + keptMs > nowMs) then
    redis.call('LTRIM', historyKey, -1, -1)
  elseif not isNeeded then
    redis.call('UNLINK', metaKey, historyKey, stateKey, indexKey)
    redis.call('ZREM', recentKey, channel)
    -- One more: the last position of a channel must not be one of the channel that may come after it.
    if #channelsGone == 0 then
      events = redis.call('HINCRBY', shardKey, 'events', 1)
    end
    redis.call('ZADD', forgottenKey, events, channel)
    channelsGone[#channelsGone + 1] = i + 1
  end
end

local excess = redis.call('ZCARD', forgottenKey) - rememberedMax
if #channelsGone > 0 and excess > 0 then
  local popped = redis.call('ZPOPMIN', forgottenKey, excess)
  -- The last popped has the highest score of them, and scores only grow from pop to pop.
  local highest = popped[#popped]
  if tonumber(highest) > tonumber(shard[3] or '0') then
    redis.call('HSET', shardKey, 'forgotten', highest)
  end
end
local rev = tonumber(shard[4] or '0')
if #channelsGone + #publishersGone > 0 then
  rev = redis.call('HINCRBY', shardKey, 'rev', 1)
end
return {rev, events, channelsGone, publishersGone, inUse}

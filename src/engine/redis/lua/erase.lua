#!lua flags=allow-oom
-- erase: takes what a publisher sent out of the log of a channel and out of its state, and tells of it by an event without bytes that
-- follows at the head (engine/erasing.ts). Where it writes anything it counts as a commit: a merger that has read before is refused by
-- `rev`. No lease is asked for, as by `renew`; but while nobody vouches for the shard nothing is written.
--
-- KEYS[1]  shard
-- KEYS[2]  meta
-- KEYS[3]  history
-- KEYS[4]  state
-- KEYS[5]  index
-- KEYS[6]  recent
-- ARGV[1]  epoch of the channel, in which its events were read
-- ARGV[2]  channel
-- ARGV[3]  what the publisher's froms begin with
-- ARGV[4]  the field that is its; '' for none
-- ARGV[5]  offset up to which that field goes
-- ARGV[6]  '1' when the channel is told in any case
-- ARGV[7]  what makes the event that one that tells, as it is stored behind the head of its array
-- ARGV[8]  its atMs
-- ARGV[9]  pub/sub name of the channel
-- ARGV[10] events kept per channel
-- ARGV[11] field of meta: up to where what this publisher sent counts no more in the state
-- ARGV[…]  for each event: offset, as it is stored from now on, the field that counts it ('' for none)
--
-- Answer   {events, fields}  how many were erased, went or count less; {0, 0}: nothing was written
--          0                 the channel has another epoch
--          1                 nobody vouches for the shard (lua/vouched.lua)

local shardKey, metaKey, historyKey, stateKey, indexKey, recentKey = unpack(KEYS)
local epoch, channel, prefix = ARGV[1], ARGV[2], ARGV[3]
local field, through, isTold = ARGV[4], tonumber(ARGV[5]), ARGV[6] == '1'
local identity, atMs, published, historyMaxEvents = ARGV[7], tonumber(ARGV[8]), ARGV[9], tonumber(ARGV[10])
local countedField = ARGV[11]

local FIRST_EVENT = 12
-- As in engine/archiving.ts.
local EVENT_OVERHEAD = 64

local shard = redis.call('HMGET', shardKey, 'epoch', 'rev', 'events', 'clock', 'clockAt', 'leaseMs', 'archiving', 'unarchived',
  'unarchivedBytes', 'fork', 'parentSince', 'server', 'lease', 'unvouched')
local meta = redis.call('HMGET', metaKey, 'head', 'fold', countedField)
if not shard[1] or channelEpoch(shard[1], meta[2]) ~= epoch then
  return 0
end
if not meta[1] then
  return {0, 0}
end
if not isVouched(shard[12], shard[13], shard[14]) then
  return 1
end
local head = tonumber(meta[1])

-- Whether an event, `[from, …]`, is the publisher's: the head of the array is a byte, that of a from one or two.
local function isSent(event)
  local at = string.byte(event, 2) == 0xd9 and 4 or 3
  return string.sub(event, at, at + #prefix - 1) == prefix
end

local formats = {[0xcc] = '>I1', [0xcd] = '>I2', [0xce] = '>I4', [0xcf] = '>I8', [0xcb] = '>d'}

-- Of a field, `[offset, bytes]`.
local function offsetOf(value)
  local kind = string.byte(value, 2)
  return formats[kind] and (struct.unpack(formats[kind], value, 3)) or kind
end

local function double(number)
  return string.char(0xcb) .. struct.pack('>d', number)
end

local told, events, fields, isCounted = head + 1, 0, 0, false
local first = head - redis.call('LLEN', historyKey) + 1
local counted, less = tonumber(meta[3] or '0'), {}
for i = FIRST_EVENT, #ARGV, 3 do
  local index = tonumber(ARGV[i]) - first
  local kept = index >= 0 and redis.call('LINDEX', historyKey, index)
  if kept and isSent(kept) then
    redis.call('LSET', historyKey, index, ARGV[i + 1])
    events = events + 1
  end
  local countedIn = ARGV[i + 2]
  isCounted = isCounted or countedIn ~= ''
  if countedIn ~= '' and tonumber(ARGV[i]) > counted then
    less[countedIn] = (less[countedIn] or 0) + 1
  end
end
for name, count in pairs(less) do
  local digitsThen = string.match(redis.call('HGET', stateKey, name) or '', '\196.(%d+)$')
  if digitsThen then
    local left = tonumber(digitsThen) - count
    if left > 0 then
      local text = digits(left)
      redis.call('HSET', stateKey, name, string.char(0x92) .. double(told) .. string.char(0xc4, #text) .. text)
    else
      redis.call('HDEL', stateKey, name)
    end
    fields = fields + 1
  end
end
local own = field ~= '' and redis.call('HGET', stateKey, field)
if own and offsetOf(own) <= through then
  redis.call('HDEL', stateKey, field)
  fields = fields + 1
end
if events + fields == 0 and not isTold then
  return {0, 0}
end

local clock = storeMs(shard[4], shard[5], shard[6], redisMs())
local event = string.char(0x96) .. identity .. string.char(0xa0) .. double(math.floor(clock - atMs))
local length = redis.call('RPUSH', historyKey, event)
if length > historyMaxEvents and not shard[7] then
  redis.call('LTRIM', historyKey, 1, -1)
end
redis.call('HSET', metaKey, 'head', digits(told), 'used', digits(clock), 'erased', digits(told))
if isCounted then
  redis.call('HSET', metaKey, countedField, digits(math.max(counted, through)))
end
if fields > 0 then
  -- What the index does not tell, its readers begin again for (lua/state.lua); a commit begins it anew.
  redis.call('UNLINK', indexKey)
  redis.call('HDEL', metaKey, 'size', 'indexed', 'indexedFrom')
end
-- As a commit notes it (lua/lineage.lua).
local since, score = shard[10] or shard[11], redis.call('ZSCORE', recentKey, channel)
if since and score and tonumber(score) <= tonumber(since) then
  redis.call('HSET', metaKey, 'fork', digits(head), 'forkSince', since)
end
local rev = digits(tonumber(shard[2] or '0') + 1)
redis.call('ZADD', recentKey, rev, channel)
redis.call('HSET', shardKey, 'rev', rev, 'events', digits(tonumber(shard[3] or '0') + 1))
if shard[7] then
  redis.call('HSET', shardKey, 'unarchived', digits(tonumber(shard[8] or '0') + 1),
    'unarchivedBytes', digits(tonumber(shard[9] or '0') + #event + EVENT_OVERHEAD))
end
redis.call('SPUBLISH', published, string.char(0xdd) .. struct.pack('>I4', 3) .. string.char(0xa0 + #epoch) .. epoch .. double(told) .. event)
return {events, fields}

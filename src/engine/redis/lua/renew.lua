#!lua flags=allow-oom
-- renew: gives a shard a new epoch, if the evidence shows that its logs are not what somebody saw.
--
-- A shard without any epoch has lost everything, whatever the evidence is: it is renewed. One that may be refilled yet is not, for what
-- is missing may come back: that it was missing is kept, and it is renewed before anything is merged (lua/refilling.lua).
--
-- KEYS[1]  shard
-- KEYS[2]  forgotten
-- KEYS[3]  meta      of the channel, where the evidence is of one
-- KEYS[4]  history
-- ARGV[1]  epoch in which the evidence was seen, of the channel where it is of one
-- ARGV[2]  the new epoch
-- ARGV[3]  pub/sub name for observers of the shard
-- ARGV[4]  pub/sub name for its mergers
-- ARGV[5]  kind of evidence, and what belongs to it:
--            'head'      ARGV[6] a head that somebody was told
--            'event'     ARGV[6] channel, ARGV[7] offset, ARGV[8] what makes the event that one, as it is stored behind the head
--                        of its array, ARGV[9] the same of what is left of it once it is erased
--            'rev'       ARGV[6] a rev that was confirmed, ARGV[7] the token of the lease under which; '' to not say. If that was
--                        the last before this Redis process took over, it vouches for what is there (lua/peek.lua)
--            'unvouched' that nobody does
--
-- Answer   {1, epoch}   renewed: that is the new epoch (of the channel), `rev` + 1, everybody is told
--          {0, epoch}   kept: the logs are what was seen, or may be yet, or the epoch is another one already

local shardKey, forgottenKey, metaKey, historyKey = unpack(KEYS)
local epochSeen = ARGV[1]
local newEpoch = ARGV[2]
local observers = ARGV[3]
local mergers = ARGV[4]
local kind = ARGV[5]

local shard = redis.call('HMGET', shardKey, 'epoch', 'rev', 'forgotten', 'events', 'unvouched', 'fork', 'forkEvents', 'forkHolder',
  'archiving', 'refill', 'refillHolder', 'server')
local epoch = shard[1]
local fold = metaKey and redis.call('HGET', metaKey, 'fold')
local epochNow = epoch and channelEpoch(epoch, fold)
if epoch and epochNow ~= epochSeen then
  return {0, epochNow}
end

local function isForgotten(channel, offset)
  local forgotten = math.max(tonumber(shard[3] or '0'), tonumber(redis.call('ZSCORE', forgottenKey, channel) or '0'))
  return offset <= forgotten
end

local function isEventLost(channel, offset, event, erased)
  local meta = redis.call('HMGET', metaKey, 'head', 'base')
  local head, base = tonumber(meta[1] or nil), tonumber(meta[2] or nil)
  if not head or offset <= base then
    return not isForgotten(channel, offset)
  end
  if head < offset then
    return true
  end
  local index = offset - (head - redis.call('LLEN', historyKey) + 1)
  if index < 0 then
    return false
  end
  local kept = redis.call('LINDEX', historyKey, index)
  return not kept or (string.sub(kept, 2, 1 + #event) ~= event and string.sub(kept, 2, 1 + #erased) ~= erased)
end

local isDue = not epoch
if kind == 'event' then
  isDue = isDue or isEventLost(ARGV[6], tonumber(ARGV[7]), ARGV[8], ARGV[9])
elseif kind == 'rev' then
  isDue = isDue or tonumber(shard[2] or '0') < tonumber(ARGV[6])
  if not isDue and shard[5] == ARGV[7] then
    redis.call('HDEL', shardKey, 'unvouched')
  end
  if not isDue and shard[8] == ARGV[7] then
    redis.call('HDEL', shardKey, 'fork', 'forkEvents', 'forkHolder', 'forkAt')
  end
  if not isDue and shard[11] == ARGV[7] then
    redis.call('HDEL', shardKey, unpack(REFILL_FIELDS))
  end
elseif kind == 'unvouched' then
  isDue = isDue or shard[5]
else
  local head = redis.call('HGET', metaKey, 'head') or shard[4] or '0'
  isDue = isDue or tonumber(head) < tonumber(ARGV[6])
end
if not isDue then
  return {0, epochNow}
end
if epoch and mayBeRefilled(shard[9], shard[10], shard[2], shard[12]) then
  redis.call('HSET', shardKey, 'unvouched', '-')
  return {0, epochNow}
end
redis.call('HSET', shardKey, 'epoch', newEpoch)
redis.call('HINCRBY', shardKey, 'rev', 1)
redis.call('HDEL', shardKey, 'unvouched', 'fork', 'forkEvents', 'forkHolder', 'forkAt', unpack(REFILL_FIELDS))
-- What was lost was lost when that process took over, and what was there then is there still. What is lost in another way
-- leaves nobody to say how much.
if epoch and shard[6] then
  redis.call('HSET', shardKey, 'parent', epoch, 'parentOf', newEpoch, 'parentSince', shard[6], 'parentEvents', shard[7])
else
  redis.call('HDEL', shardKey, 'parent', 'parentOf', 'parentSince', 'parentEvents')
end
redis.call('SPUBLISH', observers, newEpoch)
redis.call('SPUBLISH', mergers, '')
return {1, channelEpoch(newEpoch, fold)}

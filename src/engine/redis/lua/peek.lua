#!lua flags=allow-oom
-- peek: takes or extends a shard's lease and reads the oldest entries of its inbox. Removes nothing.
--
-- A lease is extended only when less than half of it remains (ARGV[9]): with `appendfsync always` each write is an fsync.
--
-- Nobody's clock says when a lease is over. Its holder changes `leaseUntil` while it is there, and who else wants it watches that,
-- by a clock of its own, for as long as the lease is; if it has not changed by then, the lease is over. Redis' clock is asked
-- once, at the first look, how much of it is left, and believed within the whole of it: so who comes late need not watch for
-- as long as if it had been there. Versions before this one go by `leaseUntil` alone (docs/adr/0015).
--
-- The shard remembers which Redis process it was last merged on (its run_id). Under another one, restarted or promoted,
-- events that somebody has seen may be gone, and new ones would get their offsets. So the lease, whoever's it was,
-- ends, and goes to nobody for ARGV[6]: time for those who saw them to say so (`renew`). This goes by what is stored, so
-- that it holds for a merger that was not there before; where a user may not call INFO there is no such pause. Whose the lease was
-- is kept (`unvouched`) until that one has said that nothing is missing, or the shard has a new epoch (`renew`). So is where the
-- shard was (`fork`, lua/lineage.lua). One that is archived is to be refilled first (`refill`, lua/refilling.lua), by who can; who
-- cannot goes on with what there is.
--
-- Entries are read in steps of 1, 2, 4 …, so that of large ones not many are read in vain.
--
-- KEYS[1]  shard
-- KEYS[2]  inbox
-- ARGV[1]  token of the caller
-- ARGV[2]  lease, milliseconds
-- ARGV[3]  most entries to return
-- ARGV[4]  bytes of entries after which to stop
-- ARGV[5]  epoch for a shard that has none
-- ARGV[6]  how long nobody merges after another Redis process took over, milliseconds
-- ARGV[7]  most entries to read in one step
-- ARGV[8]  the sign of another's lease that the caller has watched; '' for none
-- ARGV[9]  '1' when it has watched that for the whole of its time, or when its own lease is to be extended
-- ARGV[10] '1' when this Redis keeps all it confirms, and no other takes its place: it vouches itself
-- ARGV[11] '0' when a lease that is nobody's is left to others
-- ARGV[12] '1' when the caller can put back what this Redis has lost
--
-- Answer   {3}              nobody has the lease, and the caller does not take it
--          {2, epoch}       the lease is the caller's, and nobody vouches
--          {4, epoch, rev, events, waiting}
--                           the lease is the caller's, and what is lost is to be put back; events: when this process took over
--          {0, sign, ms}    another has the lease, or nobody may: by that sign it is known, to be watched for so long from now
--          {1, epoch, rev, events, waiting, {entry…}, clock}
--                           the lease is the caller's; `waiting` entries are in the inbox; clock: of the shard, ms

local shardKey, inboxKey = KEYS[1], KEYS[2]
local token = ARGV[1]
local leaseMs = tonumber(ARGV[2])
local maxEntries = tonumber(ARGV[3])
local maxBytes = tonumber(ARGV[4])
local newEpoch = ARGV[5]
local pauseMs = tonumber(ARGV[6])
local maxStep = tonumber(ARGV[7])
local signWatched = ARGV[8]
local isDue = ARGV[9] == '1'
local isKeeper = ARGV[10] == '1'
local takes = ARGV[11] == '1'
local refills = ARGV[12] == '1'

-- Whoever remembers more than the store has said so by then: a takeover that came after it has a fork of its own.
local REMEMBERED_MS = 600000

local nowMs = redisMs()
local shard = redis.call('HMGET', shardKey, 'epoch', 'rev', 'events', 'lease', 'leaseUntil', 'leaseMs', 'clock', 'clockAt', 'server', 'serverReplId',
  'unvouched', 'refill')
local epoch, rev, events = shard[1], shard[2] or '0', shard[3] or '0'
local holder, heldUntil, heldMs = shard[4], shard[5], tonumber(shard[6] or leaseMs)
local clock = storeMs(shard[7], shard[8], shard[6], nowMs)
local server, unvouched, refill = shard[9], shard[11], shard[12]

local isNoted = server and hasReplId(shard[10])
local thisServer = isNoted and server or runId()
if thisServer and not isNoted then
  redis.call('HSET', shardKey, 'serverReplId', replIdNow())
end
if thisServer and thisServer ~= server then
  redis.call('HSET', shardKey, 'server', thisServer, 'serverBefore', server or '', 'serverSince', rev)
  if server then
    if not isKeeper and holder ~= '' and unvouched ~= '-' then
      redis.call('HSET', shardKey, 'unvouched', holder or '-')
    end
    local before = redis.call('HMGET', shardKey, 'fork', 'forkAt', 'archiving', 'refillEvents', 'refillFork', 'refillMade')
    local isFork = not before[1] or clock - tonumber(before[2]) > REMEMBERED_MS
    if isFork then
      redis.call('HSET', shardKey, 'fork', rev, 'forkEvents', events, 'forkHolder', holder or '-', 'forkAt', digits(clock))
    end
    if before[3] then
      -- Of a process that was not refilled to the end nobody can say that all is there.
      local isUnderWay = refill == rev
      redis.call('HSET', shardKey, 'refill', rev, 'refillEvents', isUnderWay and before[4] or events,
        'refillMade', isUnderWay and before[6] or events,
        'refillHolder', isUnderWay and '-' or holder or '-', 'refillFork', isUnderWay and before[5] or isFork and rev or '')
    end
    -- Nobody's token.
    holder, heldUntil, heldMs = '', digits(nowMs + pauseMs), pauseMs
    redis.call('HSET', shardKey, 'lease', holder, 'leaseUntil', heldUntil, 'leaseMs', heldMs)
  end
end
if holder and holder ~= token then
  local sign = heldUntil .. ' ' .. holder
  local leftMs = math.max(0, math.min(tonumber(heldUntil) - nowMs, heldMs))
  local isOver = leftMs == 0
  if sign == signWatched then
    isOver = isDue
  end
  if not isOver then
    return {0, sign, leftMs}
  end
end
if holder ~= token and not takes then
  return {3}
end
if not epoch then
  epoch = newEpoch
  redis.call('HSET', shardKey, 'epoch', epoch)
end
if holder ~= token or isDue then
  local untilMs = digits(nowMs + leaseMs)
  if untilMs == heldUntil then
    untilMs = digits(nowMs + leaseMs + 1)
  end
  redis.call('HSET', shardKey, 'lease', token, 'leaseUntil', untilMs, 'leaseMs', leaseMs, 'clock', digits(clock), 'clockAt', digits(nowMs))
end
if refill == rev and refills then
  return {4, epoch, rev, redis.call('HGET', shardKey, 'refillEvents'), redis.call('LLEN', inboxKey)}
end
if refill then
  redis.call('HDEL', shardKey, unpack(REFILL_FIELDS))
end
if unvouched then
  return {2, epoch}
end

local waiting = redis.call('LLEN', inboxKey)
local entries = entriesOf(inboxKey, 0, math.min(waiting, maxEntries), maxBytes, maxStep)
return {1, epoch, rev, events, waiting, entries, digits(clock)}

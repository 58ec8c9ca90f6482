#!lua flags=no-writes
-- changes: which channels of a shard have changed since it was at a mark. What costs nothing of a shard that has not is a
-- hash of five fields; of one that has, as many names of channels.
--
-- A mark is epoch, rev, events, server and serverSince: the Redis process that merges were made on (lua/peek.lua), and `rev`
-- when it was first seen. Within one epoch and on one process `rev` grows with every commit, and nothing else changes logs.
-- Another process may have begun with less and come to the same `rev` by other events; not so one that followed directly on
-- that of the mark, with all that it had at the mark.
--
-- KEYS[1]  shard
-- KEYS[2]  recent
-- KEYS[3]  forgotten
-- ARGV[1]  epoch of the mark; '' for none
-- ARGV[2]  rev of the mark
-- ARGV[3]  events of the mark
-- ARGV[4]  server of the mark
-- ARGV[5]  serverSince of the mark
-- ARGV[6]  most channels to return
--
-- Answer   {epoch or '', rev, events, server or '', serverSince, {channel…} or nil}; nil: any may have changed

local shardKey, recentKey, forgottenKey = KEYS[1], KEYS[2], KEYS[3]
local epochThen = ARGV[1]
local revThen = ARGV[2]
local eventsThen = ARGV[3]
local serverThen = ARGV[4]
local sinceThen = ARGV[5]
local limit = tonumber(ARGV[6])

local shard = redis.call('HMGET', shardKey, 'epoch', 'rev', 'events', 'server', 'serverSince', 'forgotten', 'serverBefore')
local epoch, rev, events, server = shard[1] or '', shard[2] or '0', shard[3] or '0', shard[4] or ''
local since, forgotten, serverBefore = shard[5] or '0', shard[6] or '0', shard[7]

local function isOfThisLog()
  if epoch == '' or epoch ~= epochThen or tonumber(rev) < tonumber(revThen) then
    return false
  end
  if server == serverThen and since == sinceThen then
    return true
  end
  return serverBefore == serverThen and tonumber(since) >= tonumber(revThen)
end

local function changed()
  if not isOfThisLog() then
    return false
  end
  if rev == revThen then
    return {}
  end
  -- Some that were forgotten since are not known by their names any more.
  if tonumber(forgotten) > tonumber(eventsThen) then
    return false
  end
  local channels = redis.call('ZRANGE', recentKey, '(' .. revThen, '+inf', 'BYSCORE', 'LIMIT', 0, limit + 1)
  if events ~= eventsThen then
    local gone = redis.call('ZRANGE', forgottenKey, '(' .. eventsThen, '+inf', 'BYSCORE', 'LIMIT', 0, limit + 1)
    for i = 1, #gone do
      channels[#channels + 1] = gone[i]
    end
  end
  return #channels <= limit and channels
end

return {epoch, rev, events, server, since, changed()}

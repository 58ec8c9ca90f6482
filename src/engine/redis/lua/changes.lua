#!lua flags=no-writes
-- changes: which channels of a shard have changed since it was at a mark. What costs nothing of a shard that has not is a
-- hash of five fields; of one that has, as many names of channels.
--
-- A mark is epoch, rev, events and server. Within one epoch and on one Redis process `rev` grows with every commit, and
-- nothing else changes logs. Under another process the log may be one that has come to the same `rev` by other events.
--
-- KEYS[1]  shard
-- KEYS[2]  recent
-- KEYS[3]  forgotten
-- ARGV[1]  epoch of the mark; '' for none
-- ARGV[2]  rev of the mark
-- ARGV[3]  events of the mark
-- ARGV[4]  server of the mark
-- ARGV[5]  most channels to return
--
-- Answer   {epoch or '', rev, events, server or '', {channel…} or nil}; nil: any may have changed

local shardKey, recentKey, forgottenKey = KEYS[1], KEYS[2], KEYS[3]
local epochThen = ARGV[1]
local revThen = ARGV[2]
local eventsThen = ARGV[3]
local serverThen = ARGV[4]
local limit = tonumber(ARGV[5])

local shard = redis.call('HMGET', shardKey, 'epoch', 'rev', 'events', 'server', 'forgotten')
local epoch, rev, events, server = shard[1] or '', shard[2] or '0', shard[3] or '0', shard[4] or ''
local forgotten = shard[5] or '0'

local function changed()
  if epoch == '' or epoch ~= epochThen or server ~= serverThen or tonumber(rev) < tonumber(revThen) then
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

return {epoch, rev, events, server, changed()}

#!lua flags=allow-oom
-- gather: leaves a member's figure for a while, and tells those of all members.
--
-- A member is gone when its time is over by Redis' clock, or further away than anybody says: then the clock was set back. Set
-- ahead, it makes all seem gone until each has spoken again.
--
-- KEYS[1]  members of one roll: hash member -> "<figure> <until, ms of Redis' clock>"
-- ARGV[1]  member
-- ARGV[2]  figure
-- ARGV[3]  for how long, ms; 0 takes it back
--
-- Answer   the figures of all members whose time is not over

local members = KEYS[1]
local member = ARGV[1]
local ttlMs = tonumber(ARGV[3])

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

if ttlMs > 0 then
  redis.call('HSET', members, member, ARGV[2] .. ' ' .. string.format('%.0f', now + ttlMs))
else
  redis.call('HDEL', members, member)
end

local figures = {}
local pairs = redis.call('HGETALL', members)
for i = 1, #pairs, 2 do
  local figure, untilMs = string.match(pairs[i + 1], '^(%d+) (%d+)$')
  local leftMs = tonumber(untilMs) - now
  if leftMs > 0 and (ttlMs == 0 or leftMs <= ttlMs) then
    figures[#figures + 1] = tonumber(figure)
  else
    redis.call('HDEL', members, pairs[i])
  end
end
return figures

#!lua flags=allow-oom
-- erase-unreadable: of what was set aside because nobody could read it, takes what has a publisher's name in it. From the newest on, for others come at
-- that end and go at the other one.
--
-- KEYS[1]  bad
-- ARGV[1]  how many of the newest were looked at before
-- ARGV[2]  what the publisher's froms begin with
-- ARGV[3]  most entries to read
--
-- Answer   {next, found}  how many were looked at, -1 when all were; how many went

local badKey = KEYS[1]
local seen, prefix, maxStep = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3])

local last = redis.call('LLEN', badKey) - 1 - seen
if last < 0 then
  return {-1, 0}
end
local first, found = math.max(0, last - maxStep + 1), 0
local entries = redis.call('LRANGE', badKey, first, last)
for i = 1, #entries do
  if string.find(entries[i], prefix, 1, true) then
    redis.call('LSET', badKey, first + i - 1, '')
    found = found + 1
  end
end
if found > 0 then
  redis.call('LREM', badKey, 0, '')
end
return {first == 0 and -1 or seen + #entries - found, found}

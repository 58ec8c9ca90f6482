#!lua flags=no-writes
-- news: which keys were told since somebody looked last.
--
-- KEYS[1]  register, KEYS[2] told, as `write.lua` has them
-- ARGV[1]  epoch that was seen then, ARGV[2] rev; '' of who has not looked yet
--
-- Answer   {epoch, rev}, and a list of keys; without it, anything may have been told. The epoch is '' where nothing ever was

local register = redis.call('HMGET', KEYS[1], 'epoch', 'rev', 'cut')
local epoch, rev, cut = register[1] or '', tonumber(register[2] or '0'), tonumber(register[3] or '0')
local since = tonumber(ARGV[2])
if since and (epoch ~= ARGV[1] or since > rev or since < cut) then
  return {epoch, rev}
end
if not since or since == rev then
  return {epoch, rev, {}}
end
return {epoch, rev, redis.call('ZRANGE', KEYS[2], '(' .. ARGV[2], '+inf', 'BYSCORE')}

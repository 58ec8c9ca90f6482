#!lua
-- write: changes texts, all of them or, where one is not what it has to be, none; and tells news of it.
--
-- KEYS[1]  register  hash: epoch, rev (of the newest news), cut (of the newest that is not remembered any more)
-- KEYS[2]  told      zset: key -> rev of its last news
-- KEYS[3…] names
-- ARGV[1]  epoch, where there is none yet
-- ARGV[2]  pub/sub name
-- ARGV[3]  how many news are remembered
-- ARGV[4…] five for each name: '=' it has to be the next, '0' nothing has to be there, '*' whatever; that text; '=' to be the next, '0' to be
--          nothing; that text; for how long, ms
-- ARGV[…]  then the keys that are told
--
-- Answer   1, or 0 where nothing was done

local FIXED, EACH = 3, 5
local names = #KEYS - 2

local function argument(i, n)
  return ARGV[FIXED + (i - 1) * EACH + n]
end

for i = 1, names do
  local rule = argument(i, 1)
  if rule ~= '*' then
    local text = redis.call('GET', KEYS[2 + i])
    if (rule == '0' and text) or (rule == '=' and text ~= argument(i, 2)) then
      return 0
    end
  end
end

for i = 1, names do
  if argument(i, 3) == '=' then
    redis.call('SET', KEYS[2 + i], argument(i, 4), 'PX', argument(i, 5))
  else
    redis.call('DEL', KEYS[2 + i])
  end
end

local first = FIXED + names * EACH + 1
if first > #ARGV then
  return 1
end
if not redis.call('HGET', KEYS[1], 'epoch') then
  redis.call('HSET', KEYS[1], 'epoch', ARGV[1])
end
for i = first, #ARGV do
  local rev = redis.call('HINCRBY', KEYS[1], 'rev', 1)
  redis.call('ZADD', KEYS[2], rev, ARGV[i])
  redis.call('SPUBLISH', ARGV[2], ARGV[i])
end
while redis.call('ZCARD', KEYS[2]) > tonumber(ARGV[3]) do
  local oldest = redis.call('ZPOPMIN', KEYS[2])
  redis.call('HSET', KEYS[1], 'cut', oldest[2])
end
return 1

#!lua flags=no-writes
-- rights: what the user who calls this may not do. Runs none of the commands it is asked about.
--
-- ARGV[1]  a name of a key or pub/sub channel of ours
-- ARGV[…]  commands, as words with spaces between them, without that name, which would come next
--
-- Answer   for each command: 0 allowed; 1 the command itself is not; 2 it is, but not with that name

local name = ARGV[1]

local function isAllowed(...)
  -- A store that speaks like Redis 7 and cannot say: what it refuses, it will.
  if not redis.acl_check_cmd then
    return true
  end
  local isKnown, answer = pcall(redis.acl_check_cmd, ...)
  return isKnown and answer
end

local answers = {}
for i = 2, #ARGV do
  local words = {}
  for word in string.gmatch(ARGV[i], '%S+') do
    words[#words + 1] = word
  end
  if not isAllowed(unpack(words)) then
    answers[i - 1] = 1
  else
    words[#words + 1] = name
    answers[i - 1] = isAllowed(unpack(words)) and 0 or 2
  end
end
return answers

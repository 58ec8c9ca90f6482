#!lua flags=no-writes
-- rights: what the user who calls this may not do. Runs none of the commands it is asked about.
--
-- ARGV[…]  by twos: a command, as words with spaces between them, and the names of keys or pub/sub channels of ours that would come
--          next, as words as well
--
-- Answer   for each command: 0 allowed; 1 the command itself is not; 2 it is, but not with those names

local function isAllowed(...)
  -- A store that speaks like Redis 7 and cannot say: what it refuses, it will.
  if not redis.acl_check_cmd then
    return true
  end
  local isKnown, answer = pcall(redis.acl_check_cmd, ...)
  return isKnown and answer
end

local answers = {}
for i = 1, #ARGV, 2 do
  local words = {}
  local function add(text)
    for word in string.gmatch(text, '%S+') do
      words[#words + 1] = word
    end
  end
  add(ARGV[i])
  local bare = #words
  add(ARGV[i + 1])
  local answer = 0
  if not isAllowed(unpack(words)) then
    -- Redis 7.0 looks for the key of SET also where there is none, in memory that is not of this call.
    local isOfNames = #words > bare and words[1] ~= 'SET' and isAllowed(unpack(words, 1, bare))
    answer = isOfNames and 2 or 1
  end
  answers[#answers + 1] = answer
end
return answers

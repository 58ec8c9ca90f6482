#!lua flags=allow-oom
-- erase-waiting: of changes of a publisher that wait in an inbox takes the bytes, as many entries as one call may read. They stay where they are,
-- so that their seqs count. Where it writes anything it counts as a commit.
--
-- KEYS[1]  shard
-- KEYS[2]  inbox
-- ARGV[1]  how many entries the inbox had given up and had, together, where this goes on; 0 to begin
-- ARGV[2]  what the publisher's froms begin with
-- ARGV[3]  most entries to read
--
-- Answer   {next, found}  where it goes on, -1 when all were read; how many there were
--          1              nobody vouches for the shard (lua/vouched.lua)

local shardKey, inboxKey = KEYS[1], KEYS[2]
local from, prefix, maxStep = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3])

-- Bytes of a number by its first; of all others it is the whole.
local sizes = {[0xcc] = 2, [0xcd] = 3, [0xce] = 5, [0xcf] = 9, [0xcb] = 9, [0xd0] = 2, [0xd1] = 3, [0xd2] = 5, [0xd3] = 9}

-- Where the text that begins there has its first character, and where what follows it begins.
local function textAt(entry, at)
  local kind = string.byte(entry, at) or 0
  if kind >= 0xa0 and kind <= 0xbf then
    return at + 1, at + 1 + kind - 0xa0
  end
  if kind == 0xd9 then
    return at + 2, at + 2 + (string.byte(entry, at + 1) or 0)
  end
end

local function numberEnd(entry, at)
  return at + (sizes[string.byte(entry, at) or 0] or 1)
end

-- An entry is `[1, channel, from, seq, acceptedMs, bytes]`, with the trace behind where there is one. False for one that is not its, or has
-- no bytes any more.
local function erased(entry)
  local head, format = string.byte(entry, 1, 2)
  local channelAt, fromAt = textAt(entry, 3)
  if format ~= 1 or (head ~= 0x96 and head ~= 0x97) or not channelAt then
    return false
  end
  local textFrom, seqAt = textAt(entry, fromAt)
  if not textFrom or string.sub(entry, textFrom, textFrom + #prefix - 1) ~= prefix then
    return false
  end
  local acceptedAt = numberEnd(entry, seqAt)
  local bytesAt = numberEnd(entry, acceptedAt)
  if string.sub(entry, bytesAt, bytesAt + 1) == '\196\0' then
    return false
  end
  -- Without a seq nobody needs to know whose it was.
  local whose = string.byte(entry, seqAt) == 0 and string.char(0xa0) or string.sub(entry, fromAt, seqAt - 1)
  return string.char(0x96, 1) .. string.sub(entry, 3, fromAt - 1) .. whose .. string.sub(entry, seqAt, bytesAt - 1) .. '\196\0'
end

local shard = redis.call('HMGET', shardKey, 'popped', 'server', 'lease', 'unvouched')
if not isVouched(shard[2], shard[3], shard[4]) then
  return 1
end
local popped = tonumber(shard[1] or '0')
local first, found = math.max(0, from - popped), 0
local entries = redis.call('LRANGE', inboxKey, first, first + maxStep - 1)
for i = 1, #entries do
  local left = erased(entries[i])
  if left then
    redis.call('LSET', inboxKey, first + i - 1, left)
    found = found + 1
  end
end
if found > 0 then
  redis.call('HINCRBY', shardKey, 'rev', 1)
end
return {#entries < maxStep and -1 or popped + first + #entries, found}

#!lua
-- append: puts changes at the end of their shards' inboxes and wakes the mergers of those that were empty.
--
-- No allow-oom: a Redis over its memory refuses this script before it begins, while commits go on and make room.
-- The hot path: one call takes the POSTs of a whole event-loop turn.
--
-- One argument holds all entries: one that is large takes Redis, and whoever writes to it, less time than many small ones.
--
-- KEYS[i]  inbox of the i-th shard touched
-- KEYS[…]  then, in the same order, the shards: a wake can tell what was found. Not on a Cluster: while its slot moves, a
--          script that has more than one key must wait, and POSTs should not
-- ARGV[1]  entries an inbox may hold
-- ARGV[2]  bytes an inbox may hold
-- ARGV[3]  entries up to which an inbox is not weighed: MEMORY USAGE samples, but is far dearer than LLEN
-- ARGV[3 + i]  name of the i-th's wake channel
-- ARGV[#ARGV]  MessagePack: for each inbox in turn an array of its entries, each a string
--
-- A wake tells what the inbox holds, if that is known and little: '<epoch> <rev>', LF, and each entry behind its length (4 bytes,
-- big-endian).
--
-- Answer   list of the i whose inbox was full (integers, from 1): of these nothing was kept. Empty as a rule.

local maxEntries = tonumber(ARGV[1])
local maxBytes = tonumber(ARGV[2])
local notWeighed = tonumber(ARGV[3])

local entries = cmsgpack.unpack(ARGV[#ARGV])

-- More is not worth to be sent to every merger there is.
local TOLD_MAX_ENTRIES, TOLD_MAX_BYTES = 8, 4096

local function wakeFor(entries, epoch, rev)
  if not epoch or #entries > TOLD_MAX_ENTRIES then
    return ''
  end
  local told, bytes = {}, 0
  for i, entry in ipairs(entries) do
    bytes = bytes + #entry
    told[i] = struct.pack('>I4', #entry) .. entry
  end
  if bytes > TOLD_MAX_BYTES then
    return ''
  end
  return epoch .. ' ' .. (rev or '0') .. '\n' .. table.concat(told)
end

local touched = #entries
local full = {}

-- Whether too much of the shard waits to be archived. Where the shard is not known a commit finds it (lua/commit.lua).
local function isBehind(shardKey, backlogMaxBytes)
  return tonumber(redis.call('HMGET', shardKey, 'unarchivedBytes')[1] or '0') >= tonumber(backlogMaxBytes)
end

for i = 1, touched do
  local inbox, shardKey = KEYS[i], KEYS[touched + i]
  local length = redis.call('LLEN', inbox)
  local shard = shardKey and redis.call('HMGET', shardKey, 'epoch', 'rev', 'archiving') or {}
  local epoch, rev, backlogMaxBytes = shard[1], shard[2], shard[3]
  if length >= maxEntries or (length > notWeighed and redis.call('MEMORY', 'USAGE', inbox) >= maxBytes) or
    (backlogMaxBytes and isBehind(shardKey, backlogMaxBytes)) then
    full[#full + 1] = i
  else
    redis.call('RPUSH', inbox, unpack(entries[i]))
    if length == 0 then
      redis.call('SPUBLISH', ARGV[3 + i], wakeFor(entries[i], epoch, rev))
    end
  end
end
return full

#!lua flags=allow-oom
-- mark-archived: up to where logs are archived. What was kept for that alone is trimmed. The first call for a shard is what its
-- archiving begins with, for `commit`, `sweep` and `append`.
--
-- What is not archived is counted, and weighed: of as many events as are archived now, as large a part of the bytes goes.
--
-- KEYS[1]  shard
-- KEYS[…]  for each channel: meta, history
-- ARGV[1]  epoch in which they were read
-- ARGV[2]  rev up to which all is archived
-- ARGV[3]  most bytes that may be left to archive
-- ARGV[4]  events kept per channel
-- ARGV[5]  how many more events than it marks a call may trim of one channel
-- ARGV[…]  for each channel: the first and the last offset that are archived
--
-- Answer   1 marked; 0 the shard has another epoch, nothing was done but that archiving has begun

local shardKey = KEYS[1]
local historyMaxEvents, trimMore = tonumber(ARGV[4]), tonumber(ARGV[5])
local FIRST_OFFSET = 6

local shard = redis.call('HMGET', shardKey, 'epoch', 'rev', 'unarchived', 'unarchivedBytes')
redis.call('HSET', shardKey, 'archiving', ARGV[3])
if (shard[1] or '') ~= ARGV[1] then
  return 0
end
local isAll = (shard[2] or '0') == ARGV[2]
local events = 0
for i = FIRST_OFFSET, #ARGV, 2 do
  local metaKey, historyKey = KEYS[i - FIRST_OFFSET + 2], KEYS[i - FIRST_OFFSET + 3]
  local meta = redis.call('HMGET', metaKey, 'head', 'archived', 'base')
  -- Of a channel that was forgotten meanwhile nothing is kept.
  if meta[1] then
    local head = tonumber(meta[1])
    local offset = math.min(tonumber(ARGV[i + 1]), head)
    local before = tonumber(meta[2] or meta[3])
    if offset > before then
      events = events + offset - before
    end
    redis.call('HSET', metaKey, 'archived', digits(math.max(offset, before)), 'archivedFrom', ARGV[i])
    local length = redis.call('LLEN', historyKey)
    local trimmed = math.min(length - historyMaxEvents, math.max(0, offset - before) + trimMore, offset - (head - length))
    if trimmed > 0 then
      redis.call('LTRIM', historyKey, trimmed, -1)
    end
  end
end
local left = tonumber(shard[3] or '0')
if isAll or events >= left then
  redis.call('HDEL', shardKey, 'unarchived', 'unarchivedBytes')
else
  local bytes = tonumber(shard[4] or '0')
  redis.call('HSET', shardKey, 'unarchived', digits(left - events), 'unarchivedBytes', digits(math.floor(bytes * (1 - events / left))))
end
return 1

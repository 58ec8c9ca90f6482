#!lua flags=allow-oom
-- state: one page of a channel's state: fields that changed since the page before, and then some more of all fields.
-- `state-reader.ts` makes an exact snapshot of several (docs/adr/0010).
--
-- KEYS[1]  shard
-- KEYS[2]  meta
-- KEYS[3]  state
-- KEYS[4]  index: zset field -> head after the commit that changed it last
-- ARGV[1]  epoch for a shard that has none
-- ARGV[2]  cursor of the page before; '0' to begin, '' when all fields have been given
-- ARGV[3]  up to which offset the changes have been given; '' to begin
-- ARGV[4]  most fields to read in one step: of 1, 2, 4 … so that of large ones not many are read in vain
-- ARGV[5]  fields after which to stop; ARGV[6] bytes after which to stop
--
-- Answer   {epoch, head, base or nil, run_id of this Redis, up to, cursor, {field, value, …},
--           fold or nil}
--          head is the shard's events for a channel that does not exist; run_id is '' where the first page is all;
--          up to: which changes were given with this page; nil when that cannot be told any more: begin again;
--          cursor: '' when all fields have been given. The snapshot is complete when it is '' and `up to` is the head

local shardKey, metaKey, stateKey, indexKey = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local newEpoch = ARGV[1]
local cursor = ARGV[2]
local after = ARGV[3]
local maxStep = tonumber(ARGV[4])
local maxFields = tonumber(ARGV[5])
local maxBytes = tonumber(ARGV[6])

local shard = redis.call('HMGET', shardKey, 'epoch', 'events')
local epoch = shard[1]
if not epoch then
  epoch = newEpoch
  redis.call('HSET', shardKey, 'epoch', epoch)
end
local meta = redis.call('HMGET', metaKey, 'head', 'base', 'indexed', 'indexedFrom', 'fold')
local head, base, indexed, indexedFrom = meta[1] or shard[2] or '0', meta[2], meta[3], meta[4]

local fields, bytes = {}, 0
local function add(name, value)
  fields[#fields + 1] = name
  fields[#fields + 1] = value
  bytes = bytes + #name + #value
end
local function isFull()
  return #fields >= 2 * maxFields or bytes >= maxBytes
end

-- The changes after `after`, those of one commit never parted. Answers up to which offset these are all.
local function addChanges()
  local read, last, step = 0, nil, 1
  while true do
    local batch = redis.call('ZRANGE', indexKey, '(' .. after, '+inf', 'BYSCORE', 'LIMIT', read, step, 'WITHSCORES')
    if #batch == 0 then
      return head
    end
    local names = {}
    for i = 1, #batch, 2 do
      names[#names + 1] = batch[i]
    end
    local values = redis.call('HMGET', stateKey, unpack(names))
    for i, name in ipairs(names) do
      local offset = batch[2 * i]
      if offset ~= last and isFull() then
        return last
      end
      last = offset
      if values[i] then
        add(name, values[i])
      end
    end
    read = read + #names
    step = math.min(2 * step, maxStep)
  end
end

local upTo = head
if after ~= '' and after ~= head then
  local isKept = indexed == head and tonumber(indexedFrom) <= tonumber(after) and tonumber(after) < tonumber(head)
  upTo = isKept and addChanges()
end
local step = 1
while upTo == head and cursor ~= '' and not isFull() do
  local scanned = redis.call('HSCAN', stateKey, cursor, 'COUNT', step)
  cursor = scanned[1] ~= '0' and scanned[1] or ''
  for i = 1, #scanned[2], 2 do
    add(scanned[2][i], scanned[2][i + 1])
  end
  step = math.min(2 * step, maxStep)
end

local server = ''
if after ~= '' or cursor ~= '' then
  server = runId() or ''
end
return {epoch, head, base, server, upTo, cursor, fields, meta[5]}

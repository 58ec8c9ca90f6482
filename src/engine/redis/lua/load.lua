#!lua flags=no-writes
-- load: what a merger has to know before it folds.
--
-- KEYS[1]  shard
-- KEYS[…]  for each wish: meta, state, dedupe
-- ARGV[1]  bytes up to which a state is given
-- ARGV[2]  bytes of all states together up to which one more is given
-- ARGV[…]  for each wish: '1' when the state is wanted else '0', count of publishers, the publishers
--
-- Answer   {rev, wish…}, a wish being {head or nil, reducer or nil, {field, value, …} or nil, {seq or nil, …},
--          fold or nil}

local shardKey = KEYS[1]
local maxBytes = tonumber(ARGV[1])
local maxBytesOfAll = tonumber(ARGV[2])

-- Lua's stack holds about 8,000 values.
local BATCH = 1000

local bytesOfAll = 0
local function stateOf(stateKey, head, counted, countedAt)
  -- Where a version that does not count has committed since, what was counted is not to be believed, and Redis estimates.
  local bytes = head and countedAt == head and tonumber(counted) or redis.call('MEMORY', 'USAGE', stateKey) or 0
  if bytes == 0 then
    return {}
  end
  if bytes > maxBytes or bytesOfAll + bytes > maxBytesOfAll then
    return false
  end
  bytesOfAll = bytesOfAll + bytes
  return redis.call('HGETALL', stateKey)
end

local answer = {redis.call('HGET', shardKey, 'rev') or '0'}
local at = 3
for k = 2, #KEYS, 3 do
  local metaKey, stateKey, dedupeKey = KEYS[k], KEYS[k + 1], KEYS[k + 2]
  local withState = ARGV[at] == '1'
  local froms = tonumber(ARGV[at + 1])
  at = at + 2
  local meta = redis.call('HMGET', metaKey, 'head', 'reducer', 'size', 'indexed', 'fold')
  local state = withState and stateOf(stateKey, meta[1], meta[3], meta[4]) or not withState and {}
  local seqs = {}
  for i = 0, froms - 1, BATCH do
    local part = redis.call('HMGET', dedupeKey, unpack(ARGV, at + i, at + math.min(i + BATCH, froms) - 1))
    for j = 1, #part do
      seqs[i + j] = part[j]
    end
  end
  at = at + froms
  answer[#answer + 1] = {meta[1], meta[2], state, seqs, meta[5]}
end
return answer

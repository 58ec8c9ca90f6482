#!lua flags=no-writes
-- load: what a merger has to know before it folds.
--
-- KEYS[1]  shard
-- KEYS[…]  for each wish: meta, state, dedupe
-- ARGV     for each wish: '1' when the state is wanted else '0', count of publishers, the publishers
--
-- Answer   {rev, wish…}, a wish being {head or nil, reducer or nil, {field, value, …}, {seq or nil, …}}

local shardKey = KEYS[1]

local answer = {redis.call('HGET', shardKey, 'rev') or '0'}
local at = 1
for k = 2, #KEYS, 3 do
  local metaKey, stateKey, dedupeKey = KEYS[k], KEYS[k + 1], KEYS[k + 2]
  local withState = ARGV[at] == '1'
  local froms = tonumber(ARGV[at + 1])
  at = at + 2
  local meta = redis.call('HMGET', metaKey, 'head', 'reducer')
  local state = withState and redis.call('HGETALL', stateKey) or {}
  local seqs = {}
  for i = 1, froms do
    seqs[i] = redis.call('HGET', dedupeKey, ARGV[at + i - 1])
  end
  at = at + froms
  answer[#answer + 1] = {meta[1], meta[2], state, seqs}
end
return answer

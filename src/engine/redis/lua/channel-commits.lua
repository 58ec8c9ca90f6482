-- channel-commits: how events and what they make of a channel are written. Not a script: `scripts.ts` puts it before those that write
-- them.
--
-- They come as a flat array that has for each channel: name, head as it was read ('' when it must not exist), head after, reducer,
-- offset of the first event, head of the published batch, counts of events, state fields and publishers, bytes of the whole state, its
-- `fold` from now on where the state before is dropped, else ''; then the events, the fields as pairs field, value, the publishers as
-- pairs from, seq.
--
-- Keys, for each channel: meta, history; state and index where it has fields or is begun anew, dedupe where it has publishers.

local ELEMENTS_BEFORE = 11
-- Fields whose last change is remembered: what may change between two pages of a reader (lua/state.lua).
local INDEX_MAX = 1024
-- Lua's stack holds about 8,000 values; even, so that pairs stay together.
local BATCH = 1000

local function inBatches(command, key, values, first, last)
  local length
  for from = first, last, BATCH do
    length = redis.call(command, key, unpack(values, from, math.min(from + BATCH - 1, last)))
  end
  return length
end

-- For each channel: where it begins, its first key, where its events, fields and publishers begin, where it ends.
--
-- To be gone through by `for`: a function that is called for each channel, made three times a commit with all that it uses, took as
-- long as one of the commands of that commit.
local function eachChannel(channels, firstKey)
  local next, nextKey, last = 1, firstKey, #channels
  return function()
    local at, key = next, nextKey
    if at > last then
      return
    end
    local firstEvent = at + ELEMENTS_BEFORE
    local firstField = firstEvent + channels[at + 6]
    local firstPublisher = firstField + 2 * channels[at + 7]
    next = firstPublisher + 2 * channels[at + 8]
    nextKey = key + 2 + ((firstPublisher > firstField or channels[at + 10] ~= '') and 2 or 0) + (next > firstPublisher and 1 or 0)
    return at, key, firstEvent, firstField, firstPublisher, next
  end
end

-- Keeps the index of a channel that has a state: which fields changed at which head, complete from `indexedFrom` up to
-- `indexed`. An older version that commits does not keep it; then `indexed` is not the head, and it is begun anew.
local function index(channels, metaKey, indexKey, at, firstField, firstPublisher)
  local before, after = channels[at + 1], channels[at + 2]
  local kept = redis.call('HMGET', metaKey, 'indexed', 'indexedFrom')
  local from = kept[2]
  if kept[1] ~= before then
    if not indexKey then
      return
    end
    redis.call('DEL', indexKey)
    from = before == '' and digits(channels[at + 4] - 1) or before
  end
  if indexKey then
    local changes = {}
    for i = firstField, firstPublisher - 1, 2 do
      changes[#changes + 1] = after
      changes[#changes + 1] = channels[i]
    end
    inBatches('ZADD', indexKey, changes, 1, #changes)
    local excess = redis.call('ZCARD', indexKey) - INDEX_MAX
    if excess > 0 then
      local popped = redis.call('ZPOPMIN', indexKey, excess)
      from = popped[#popped]
    end
  end
  redis.call('HSET', metaKey, 'indexed', after, 'indexedFrom', from, 'size', digits(channels[at + 9]))
end

-- The fields that changed and what the whole state weighs, and the last seqs; those who sent them are added to `expiry`, as pairs of
-- when they may be forgotten and `channel from`.
local function writeFieldsAndSeqs(channels, at, firstEvent, firstField, firstPublisher, next, firstKey, expires, expiry)
  local metaKey, nextKey = KEYS[firstKey], firstKey + 2
  if firstPublisher > firstField then
    inBatches('HSET', KEYS[nextKey], channels, firstField, firstPublisher - 1)
    index(channels, metaKey, KEYS[nextKey + 1], at, firstField, firstPublisher)
  elseif channels[at + 9] > 0 and firstField > firstEvent then
    index(channels, metaKey, nil, at, firstField, firstPublisher)
  end
  if firstPublisher > firstField or channels[at + 10] ~= '' then
    nextKey = nextKey + 2
  end
  if next > firstPublisher then
    inBatches('HSET', KEYS[nextKey], channels, firstPublisher, next - 1)
    for i = firstPublisher, next - 1, 2 do
      expiry[#expiry + 1] = expires
      expiry[#expiry + 1] = channels[at] .. ' ' .. channels[i]
    end
  end
end

-- Redis does not undo what a script wrote before a command of it was refused. Events would be there and their changes still in
-- the inbox, to become events again in every round, so all that is written with is asked for before the first write.
local function refused(commands, key, eventsPrefix)
  for _, command in ipairs(commands) do
    if redis.acl_check_cmd and not redis.acl_check_cmd(command, command == 'SPUBLISH' and eventsPrefix or key) then
      return redis.error_reply('NOPERM nothing was written: the user may not run the \'' .. command .. '\' command')
    end
  end
end


-- entries: a part of an inbox. Not a script: `scripts.ts` puts it before those that read one.
--
-- In steps of 1, 2, 4 … up to `maxStep`, so that of large entries not many are read in vain. From `first` on, before `last`, both
-- counted from 0, and no more once they have more than `maxBytes`; at least one, where there is one.
local function entriesOf(inboxKey, first, last, maxBytes, maxStep)
  local entries, bytes, step = {}, 0, 1
  while first < last and bytes <= maxBytes do
    local batch = redis.call('LRANGE', inboxKey, first, math.min(first + step, last) - 1)
    for i = 1, #batch do
      if bytes > maxBytes then
        break
      end
      entries[#entries + 1] = batch[i]
      bytes = bytes + #batch[i]
    end
    first = first + step
    step = math.min(2 * step, maxStep)
  end
  return entries
end

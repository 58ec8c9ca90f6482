-- channel-epoch: the epoch of one channel. Not a script: `scripts.ts` puts it before those that ask.
--
-- It is that of its shard, shifted by the number that the channel was given (`fold` of its meta) when its state was begun anew by
-- another reducer; most have none. As `channelEpoch` of domain/position.ts.

local function channelEpoch(epoch, fold)
  if not fold then
    return epoch
  end
  local number, text = (tonumber(epoch, 36) + tonumber(fold)) % 36 ^ 6, ''
  for _ = 1, 6 do
    local digit = number % 36
    text = string.sub('0123456789abcdefghijklmnopqrstuvwxyz', digit + 1, digit + 1) .. text
    number = (number - digit) / 36
  end
  return text
end


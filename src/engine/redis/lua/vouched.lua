-- vouched: whether the shard is known to have all that it had. Not a script: `scripts.ts` puts it before those that ask.
--
-- When another Redis process took over, nothing is to be written until it was told what was lost (lua/peek.lua): `rev` would not show it
-- any more, and where logs part would be noted too late. A commit finds it by its lease, which ends then.
--
-- Fields of shard: server, lease, unvouched (lua/peek.lua).
local function isVouched(server, lease, unvouched)
  return lease ~= '' and not unvouched and isThisServer(server)
end


-- refilling: whether what this Redis lacks may be put back yet. Not a script: `scripts.ts` puts it before those that ask.
--
-- What a Redis lost that came back with less, an archive may have. Then the merger that has the shard first puts it back, before
-- anything is merged (lua/refill.lua, docs/adr/0030). Until that is over nobody is told that anything is lost.
--
-- Fields of shard: refill: its `rev` when another Redis process took over, or as the last piece that was put back made it, so that
-- whoever changes the shard without knowing of it has ended it; refillEvents: its `events` when that process took over, and refillMade:
-- these and all that were put back; refillHolder: whose the lease was then; refillFork: its `fork` (lua/lineage.lua), where that was
-- noted then. Only of a shard that is archived (lua/peek.lua).
local REFILL_FIELDS = {'refill', 'refillEvents', 'refillMade', 'refillHolder', 'refillFork'}

local function mayBeRefilled(archiving, refill, rev, server)
  if not archiving then
    return false
  end
  if refill == (rev or '0') then
    return true
  end
  -- Or another process took over, and no merger has looked at it yet.
  return not isThisServer(server)
end


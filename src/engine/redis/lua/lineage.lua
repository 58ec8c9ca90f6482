-- lineage: how much of a channel's log is also that of the epoch before. Not a script: `scripts.ts` puts it before those that ask.
--
-- When another Redis process took over, nothing was merged for a while (peek.lua): what each channel had then is what both have in
-- common. A channel that has got no event since has it still; of another its first commit after that noted where it was
-- (commit.lua), its fork. So a shard that gets a new epoch for what one channel lost takes nothing from the others (docs/adr/0027).
--
-- Fields of shard: fork, forkEvents, forkHolder, forkAt: its `rev` and `events` when a process took over of which nobody has said yet
-- that it has all, whose the lease was, and when that was by the clock of the shard; parent, parentOf, parentSince, parentEvents: the
-- epoch before, that which followed on it, and `rev` and `events` of that takeover.
-- Fields of meta: fork, and forkSince: of which takeover.

-- The epoch before; false where nobody knows it. A version that does not know of lineage renews and leaves these fields as they are.
local function parentOf(epoch, parent, child)
  return child == epoch and parent
end

-- The last offset that both have; nil where nobody knows.
--
-- score: `rev` of the last commit to the channel; meta: head, fork, forkSince
local function forkOf(since, events, score, head, fork, forkSince)
  if not head then
    return tonumber(events)
  end
  if score and tonumber(score) <= tonumber(since) then
    return tonumber(head)
  end
  return forkSince == since and tonumber(fork) or nil
end


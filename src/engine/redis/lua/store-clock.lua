-- store-clock: how old something of a shard is. Not a script: `scripts.ts` puts it before those that ask.
--
-- The wall clock of Redis is not believed: it may be set by days, back and forth, and another server has another. So a shard has a
-- clock of its own. It began at that of Redis, and what counts of the time between two looks of the merger that has the
-- lease is never less than nothing, and never more than the time within which that merger comes back. It stands still while
-- nobody merges (docs/adr/0015).
--
-- Fields of shard: clock (ms), clockAt (what the clock of Redis said then, ms), leaseMs (of the lease, as its holder asked).

-- What a merger that has much to do is late, at most, without the clock losing time.
local LATE_MS = 1000

-- Not by Redis, which writes a number with 17 digits, and takes longer for that than for what is done with it.
local function digits(number)
  return string.format('%.0f', number)
end

local function redisMs()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- What the clock of the shard says now, when that of Redis says `nowMs`.
local function storeMs(clock, clockAt, leaseMs, nowMs)
  if not clock then
    return nowMs
  end
  local passedMs = nowMs - tonumber(clockAt)
  return tonumber(clock) + math.max(0, math.min(passedMs, tonumber(leaseMs or '0') + LATE_MS))
end

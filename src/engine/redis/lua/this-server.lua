-- this-server: whether it is still the Redis process that the shard was last peeked at (lua/peek.lua). Not a script: `scripts.ts` puts it
-- before those that ask. Where our user may not call INFO, nobody can say that it is another.
--
-- Who may write has a replication id that was made at random when the process started or was made primary: while it is the one that was
-- noted, it is the same process. It is asked for first, as INFO replication takes half as long as INFO server. The run id decides
-- where it is another: who has had no replica for an hour makes a new one.
--
-- Fields of shard: server: the run id, serverReplId: the replication id.

local function infoOf(section)
  local info = redis.pcall('INFO', section)
  return type(info) == 'string' and info or ''
end

local function runId()
  return string.match(infoOf('server'), 'run_id:(%x+)')
end

local function replIdNow()
  return string.match(infoOf('replication'), 'master_replid:(%x+)') or '-'
end

-- Not the second one that is told, which is that of the primary before.
local function hasReplId(replId)
  return replId and string.find(infoOf('replication'), 'master_replid:' .. replId, 1, true) ~= nil
end

local function isThisServer(server, replId)
  if not server or hasReplId(replId) then
    return true
  end
  local now = runId()
  return not now or now == server
end

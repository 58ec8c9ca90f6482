-- this-server: whether it is still the Redis process that the shard was last peeked at (lua/peek.lua). Not a script: `scripts.ts` puts it
-- before those that ask. Where our user may not call INFO, nobody can say that it is another.
local function isThisServer(server)
  local info = redis.pcall('INFO', 'server')
  return type(info) ~= 'string' or not server or string.find(info, server, 1, true) ~= nil
end

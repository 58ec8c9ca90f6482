#!lua flags=no-writes
-- unarchived: which channels of a shard have events of a later `rev` than one, the earliest first.
--
-- KEYS[1]  shard
-- KEYS[2]  recent
-- KEYS[3]  inbox
-- ARGV[1]  rev
-- ARGV[2]  most channels to return
--
-- Answer   {epoch or '', rev, events, entries in the inbox, bytes that are not archived, {channel, rev…}, nil where archiving has
--          not begun}

local shard = redis.call('HMGET', KEYS[1], 'epoch', 'rev', 'unarchivedBytes', 'events', 'archiving')
return {
  shard[1] or '', shard[2] or '0', shard[4] or '0', redis.call('LLEN', KEYS[3]), shard[3] or '0',
  redis.call('ZRANGE', KEYS[2], '(' .. ARGV[1], '+inf', 'BYSCORE', 'LIMIT', 0, ARGV[2], 'WITHSCORES'), shard[5],
}

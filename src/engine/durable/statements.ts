/** What is written and read of the tables of `schema.sql`, by name: the thread that has the database knows nothing else of them. */

export const writes = {
  clock: "INSERT INTO meta VALUES ('clock', ?) ON CONFLICT DO UPDATE SET value = excluded.value",
  shard: 'INSERT OR REPLACE INTO shards VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
  accepted: 'INSERT INTO inbox VALUES (?, ?, ?)',
  taken: 'DELETE FROM inbox WHERE id = ?',
  channel: 'INSERT OR REPLACE INTO channels VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
  archived: 'UPDATE channels SET archived = ?, archived_from = ? WHERE id = ?',
  piece: 'INSERT INTO events VALUES (?, ?, ?, ?)',
  // A piece of which one event is kept is kept. Those before follow each other: no others are looked at.
  trim: 'DELETE FROM events WHERE channel = ?1 AND first < ?2 AND last < ?2',
  field: 'INSERT OR REPLACE INTO fields VALUES (?, ?, ?, ?)',
  noFields: 'DELETE FROM fields WHERE channel = ?',
  publisher: 'INSERT OR REPLACE INTO publishers VALUES (?, ?, ?)',
  noPublisher: 'DELETE FROM publishers WHERE name = ?',
  noChannel: 'DELETE FROM channels WHERE id = ?',
  noEvents: 'DELETE FROM events WHERE channel = ?',
  forgotten: 'INSERT OR REPLACE INTO forgotten VALUES (?, ?)',
  notForgotten: 'DELETE FROM forgotten WHERE channel = ?',
} as const;

/** Each takes the key of the last row it gave, and gives the next ones: at most so many as its last parameter says. */
export const reads = {
  clock: "SELECT value FROM meta WHERE name = 'clock'",
  shards: 'SELECT * FROM shards ORDER BY shard',
  inbox: 'SELECT id, shard, changes FROM inbox WHERE id > ? ORDER BY id LIMIT ?',
  channels: 'SELECT * FROM channels WHERE id > ? ORDER BY id LIMIT ?',
  events: 'SELECT channel, first, piece FROM events WHERE (channel, first) > (?, ?) ORDER BY channel, first LIMIT ?',
  fields: 'SELECT channel, name, at, bytes FROM fields WHERE (channel, name) > (?, ?) ORDER BY channel, name LIMIT ?',
  publishers: 'SELECT name, seq, expires_ms FROM publishers WHERE name > ? ORDER BY name LIMIT ?',
  forgotten: 'SELECT channel, position FROM forgotten WHERE channel > ? ORDER BY channel LIMIT ?',
} as const;

export type Value = string | number | null | Uint8Array;
/** The name of a statement, and its parameters. */
export type Write = readonly [keyof typeof writes, ...Value[]];
export type Row = readonly Value[];

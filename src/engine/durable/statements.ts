/**
 * What is written and read of the tables of `schema.sql`, by name: the thread that has the database knows nothing else of them.
 * Whatever is written may be written once more, together with all that followed it.
 */

export const writes = {
  clock: "INSERT INTO meta VALUES ('clock', ?) ON CONFLICT DO UPDATE SET value = excluded.value",
  shard: 'INSERT OR REPLACE INTO shards VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
  accepted: 'INSERT OR REPLACE INTO inbox VALUES (?, ?, ?)',
  /** One that may be there. */
  acceptedAnew: 'INSERT OR REPLACE INTO inbox VALUES (?, ?, ?)',
  taken: 'DELETE FROM inbox WHERE id = ?',
  channel: 'INSERT OR REPLACE INTO channels VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
  archived: 'UPDATE channels SET archived = ?1, archived_from = ?3 WHERE id = ?2',
  piece: 'INSERT OR REPLACE INTO events VALUES (?, ?, ?, ?, ?)',
  /** One that may be there. */
  pieceAnew: 'INSERT OR REPLACE INTO events VALUES (?, ?, ?, ?, ?)',
  noPiece: 'DELETE FROM events WHERE id = ?',
  noPiecesOf: 'DELETE FROM events WHERE channel = ?',
  field: 'INSERT OR REPLACE INTO fields VALUES (?, ?, ?, ?)',
  noField: 'DELETE FROM fields WHERE channel = ? AND name = ?',
  noFields: 'DELETE FROM fields WHERE channel = ?',
  counted: 'INSERT OR REPLACE INTO counted VALUES (?, ?, ?)',
  noneCounted: 'DELETE FROM counted WHERE channel = ?',
  publisher: 'INSERT OR REPLACE INTO publishers VALUES (?, ?, ?)',
  noPublisher: 'DELETE FROM publishers WHERE name = ?',
  noChannel: 'DELETE FROM channels WHERE id = ?',
  pass: 'INSERT OR REPLACE INTO passes VALUES (?, ?, ?, ?)',
  noPass: 'DELETE FROM passes WHERE of = ? AND name = ?',
  forgotten: 'INSERT OR REPLACE INTO forgotten VALUES (?, ?)',
  notForgotten: 'DELETE FROM forgotten WHERE channel = ?',
} as const;

/** From the piece on that has an offset, or the next one. */
const FROM = 'first >= (SELECT coalesce(max(first), 0) FROM events WHERE channel = ?1 AND first <= ?2)';

/** What rows of one answer have in them, bytes, about. */
const PAGE_BYTES = 4 << 20;

/** The first of these rows: none behind the one with which all have more than so many bytes. */
function weighed(rows: string, key: string, blob: string, maxBytes: string | number = PAGE_BYTES): string {
  const bytes = `coalesce(length(${blob}), 0)`;
  return `SELECT * FROM (SELECT *, sum(${bytes}) OVER (ORDER BY ${key}) - ${bytes} AS before FROM (${rows}))
    WHERE before <= ${maxBytes} ORDER BY ${key}`;
}

/**
 * Where there may be many: each takes the key of the last row it gave, and gives the next ones, so many at most as its last parameter
 * says. None, when that was the last.
 */
export const reads = {
  clock: "SELECT value FROM meta WHERE name = 'clock'",
  shards: 'SELECT * FROM shards ORDER BY shard',
  inbox: weighed('SELECT id, shard, changes FROM inbox WHERE id > ? ORDER BY id LIMIT ?', 'id', 'changes'),
  channels: 'SELECT * FROM channels WHERE id > ? ORDER BY id LIMIT ?',
  events: weighed('SELECT id, channel, first, piece FROM events WHERE id > ? ORDER BY id LIMIT ?', 'id', 'piece'),
  ages: 'SELECT id, channel, first, at_ms FROM events WHERE id > ? ORDER BY id LIMIT ?',
  /** Of each channel the pieces that its newest events are in, so many. */
  recent: weighed(
    `SELECT c.id, e.first, e.piece FROM channels c JOIN events e ON e.channel = c.id AND e.first >= (
      SELECT coalesce(max(first), 0) FROM events WHERE channel = c.id AND first <= max(c.head - ?3, 0) + 1
    ) WHERE (c.id, e.first) > (?1, ?2) ORDER BY c.id, e.first LIMIT ?4`,
    'id, first',
    'piece',
  ),
  /** Of a channel from an offset on: so many, and so many bytes. */
  pieces: weighed(
    `SELECT first, piece FROM events WHERE channel = ?1 AND ${FROM} ORDER BY first LIMIT ?3`,
    'first',
    'piece',
    '?4',
  ),
  /** Of a channel those that have events of a range of offsets. */
  piecesOver: `SELECT id, first, at_ms, piece FROM events WHERE channel = ?1 AND ${FROM} AND first <= ?3 ORDER BY first`,
  lastPiece: 'SELECT coalesce(max(id), 0) FROM events',
  nextPiece: 'SELECT min(first) FROM events WHERE channel = ? AND first > ?',
  fields: weighed(
    'SELECT channel, name, at, bytes FROM fields WHERE (channel, name) > (?, ?) ORDER BY channel, name LIMIT ?',
    'channel, name',
    'bytes',
  ),
  fieldsOf: weighed(
    'SELECT name, at, bytes FROM fields WHERE channel = ?1 AND name > ?2 ORDER BY name LIMIT ?3',
    'name',
    'bytes',
  ),
  counted: 'SELECT channel, tag, through FROM counted WHERE (channel, tag) > (?, ?) ORDER BY channel, tag LIMIT ?',
  publishers: 'SELECT name, seq, expires_ms FROM publishers WHERE name > ? ORDER BY name LIMIT ?',
  passes: 'SELECT of, name, text, until_ms FROM passes WHERE (of, name) > (?, ?) ORDER BY of, name LIMIT ?',
  forgotten: 'SELECT channel, position FROM forgotten WHERE channel > ? ORDER BY channel LIMIT ?',
} as const;

export type Value = string | number | null | Uint8Array;
/** The name of a statement, and its parameters. */
export type Write = readonly [keyof typeof writes, ...Value[]];
export type Row = readonly Value[];

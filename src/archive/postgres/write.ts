/** One transaction of an archiver: what follows in some logs, and the watermark of their shard. */
import { ArchiveUnavailable } from '../../errors.ts';
import type { ArchiveBatch, ArchivedLog, LogPart } from '../archive.ts';
import { eventsIn, type Piece, piecesOf } from '../packing.ts';
import type { Retention } from '../retention.ts';
import type { Query } from './database.ts';

/** Null where the shard is another's: then nothing was written. */
export async function writeBatch(
  query: Query,
  shard: number,
  token: string,
  { watermark: { epoch, rev, events = 0 }, parts }: ArchiveBatch,
  retention: Retention,
): Promise<ArchivedLog[] | null> {
  const fenced = await query(
    `UPDATE watermarks SET beat = beat + 1, epoch = $3, rev = $4,
       events = CASE WHEN epoch = $3 THEN greatest(events, $5) ELSE $5 END
     WHERE shard = $1 AND token = $2 RETURNING shard`,
    [shard, token, epoch, rev, events],
  );
  if (fenced.length === 0) return null;
  for (const part of parts)
    if (part.log !== null && part.cutAbove !== undefined) await cut(query, part.log, part.cutAbove);
  const begun = await begin(
    query,
    shard,
    epoch,
    parts.filter(({ log }) => log === null),
  );
  const before = parts.map(({ channel, log, cutAbove = Number.POSITIVE_INFINITY }): ArchivedLog => {
    const current = log ?? begun.get(channel)!;
    return { ...current, epoch, head: Math.min(current.head, cutAbove) };
  });
  const logs = before.map((log, i) => ({ ...log, head: parts[i]!.events.at(-1)?.offset ?? log.head }));
  if (parts.some(({ events }, i) => events.length > 0 && events[0]!.offset !== before[i]!.head + 1)) {
    throw new ArchiveUnavailable('what was to be archived does not follow on what is');
  }
  await follow(query, before, logs);
  const pieces = parts.flatMap(({ channel, events }, i) => {
    const of = { log: logs[i]!.id, keepDays: retention.daysOf(channel) };
    return piecesOf(events).map((piece) => ({ ...piece, ...of }));
  });
  await insert(query, pieces);
  await note(query, parts, logs);
  return logs;
}

/** Logs that begin here take the place of what was current. */
async function begin(
  query: Query,
  shard: number,
  epoch: string,
  parts: readonly LogPart[],
): Promise<Map<string, ArchivedLog>> {
  if (parts.length === 0) return new Map();
  const channels = parts.map(({ channel }) => channel);
  await query('UPDATE logs SET is_current = false WHERE is_current AND channel = ANY ($1)', [channels]);
  const bases = parts.map(({ events }) => events[0]!.offset - 1);
  const rows = await query<{ id: number; channel: string; base: number }>(
    `INSERT INTO logs (shard, channel, epoch, base, head)
     SELECT $1, channel, $2, base, base FROM unnest($3::text[], $4::bigint[]) AS n (channel, base)
     RETURNING id, channel, base`,
    [shard, epoch, channels, bases],
  );
  return new Map(
    rows.map(({ id, channel, base }) => [channel, { id: String(id), epoch, base, head: base, oldest: base + 1 }]),
  );
}

async function follow(query: Query, before: readonly ArchivedLog[], logs: readonly ArchivedLog[]): Promise<void> {
  if (logs.length === 0) return;
  const rows = await query(
    `UPDATE logs SET head = n.head, epoch = n.epoch
     FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[]) AS n (id, before, head, epoch)
     WHERE logs.id = n.id AND logs.head = n.before AND logs.is_current RETURNING logs.id`,
    [
      logs.map(({ id }) => id),
      before.map(({ head }) => head),
      logs.map(({ head }) => head),
      logs.map(({ epoch }) => epoch),
    ],
  );
  if (rows.length !== logs.length) throw new ArchiveUnavailable('a log of the archive is not what it was');
}

interface KeptPiece extends Piece {
  readonly log: string;
  readonly keepDays: number;
}

async function insert(query: Query, pieces: readonly KeptPiece[]): Promise<void> {
  if (pieces.length === 0) return;
  await query(
    `INSERT INTO pieces (log_id, keep_days, first_offset, last_offset, events)
     SELECT * FROM unnest($1::bigint[], $2::integer[], $3::bigint[], $4::bigint[], $5::bytea[])`,
    [
      pieces.map(({ log }) => log),
      pieces.map((piece) => piece.keepDays),
      pieces.map(({ first }) => first),
      pieces.map(({ last }) => last),
      pieces.map(({ bytes }) => bytes),
    ],
  );
}

/** Who has events where. */
async function note(query: Query, parts: readonly LogPart[], logs: readonly ArchivedLog[]): Promise<void> {
  const names: string[] = [];
  const ids: string[] = [];
  for (const [i, { events }] of parts.entries()) {
    for (const name of new Set(events.map(({ from }) => from))) {
      if (name === '') continue;
      names.push(name);
      ids.push(logs[i]!.id);
    }
  }
  if (names.length === 0) return;
  await query(
    `INSERT INTO senders (name, log_id) SELECT * FROM unnest($1::text[], $2::bigint[]) ON CONFLICT DO NOTHING`,
    [names, ids],
  );
}

/** What a log has above an offset goes to one of its own, which is nobody's but the auditor's. */
async function cut(query: Query, { id }: ArchivedLog, above: number): Promise<void> {
  const [lost] = await query<{ id: number }>(
    `INSERT INTO logs (shard, channel, epoch, base, head, is_current, cut_from)
     SELECT shard, channel, epoch, $2, head, false, id FROM logs WHERE id = $1 AND head > $2 RETURNING id`,
    [id, above],
  );
  if (lost === undefined) return;
  await query('UPDATE logs SET head = $2 WHERE id = $1', [id, above]);
  const [across] = await query<{ first_offset: number; keep_days: number; events: Buffer }>(
    `DELETE FROM pieces WHERE log_id = $1 AND first_offset <= $2 AND last_offset > $2
     RETURNING first_offset, keep_days, events`,
    [id, above],
  );
  await query('UPDATE pieces SET log_id = $3 WHERE log_id = $1 AND first_offset > $2', [id, above, lost.id]);
  if (across === undefined) return;
  const events = eventsIn(across.events, across.first_offset);
  const sides = [
    { log: id, events: events.filter(({ offset }) => offset <= above) },
    { log: String(lost.id), events: events.filter(({ offset }) => offset > above) },
  ];
  const { keep_days: keepDays } = across;
  await insert(
    query,
    sides.flatMap((side) => piecesOf(side.events).map((piece) => ({ ...piece, log: side.log, keepDays }))),
  );
}

/** Takes what a publisher sent out of the pieces that it lies in. Whoever archives the shard waits for each of these transactions. */
import { isOf } from '../../domain/change.ts';
import { erasedForm } from '../../domain/event.ts';
import type { ErasedPart, SentLog } from '../archive.ts';
import { eventsIn, piecesOf } from '../packing.ts';
import type { Query } from './database.ts';

/** Of one transaction: some 4 MiB. */
const PIECES_MAX = 64;

interface PieceRow {
  readonly first_offset: number;
  readonly last_offset: number;
  readonly events: Buffer;
}

/** Names are ASCII: all that begin with a name and a dot lie between these two. */
function namesFrom(name: string): readonly [from: string, before: string] {
  return [`${name}.`, `${name}/`];
}

export async function findSent(query: Query, shard: number, name: string): Promise<SentLog[]> {
  // What was read under this token may have what is to be erased.
  await query(`UPDATE watermarks SET token = '', beat = beat + 1 WHERE shard = $1`, [shard]);
  const rows = await query<{ id: number; channel: string; is_current: boolean }>(
    `WITH RECURSIVE sent AS (
       SELECT id, channel, is_current FROM logs
       WHERE shard = $1 AND id IN (SELECT log_id FROM senders WHERE name >= $2 AND name < $3)
       UNION
       SELECT l.id, l.channel, l.is_current FROM logs l JOIN sent ON l.cut_from = sent.id
     ) SELECT * FROM sent ORDER BY id`,
    [shard, ...namesFrom(name)],
  );
  return rows.map(({ id, channel, is_current: isCurrent }) => ({ id: String(id), channel, isCurrent }));
}

export async function erasePart(
  query: Query,
  shard: number,
  log: string,
  name: string,
  after: number,
  upTo: number,
): Promise<ErasedPart> {
  const pieces = await piecesAfter(query, shard, log, after);
  const offsets: number[] = [];
  const left: { readonly last: number; readonly bytes: Buffer }[] = [];
  for (const { first_offset: first, last_offset: last, events } of pieces) {
    const held = eventsIn(events, first);
    const its = held.filter((event) => isOf(name, event.from) && event.offset <= upTo);
    if (its.length === 0) continue;
    offsets.push(...its.map(({ offset }) => offset));
    const [piece] = piecesOf(held.map((event) => (its.includes(event) ? erasedForm(event) : event)));
    left.push({ last, bytes: piece!.bytes });
  }
  if (left.length > 0) {
    await query(
      `UPDATE pieces SET events = n.events FROM unnest($2::bigint[], $3::bytea[]) AS n (last, events)
       WHERE log_id = $1 AND last_offset = n.last`,
      [log, left.map(({ last }) => last), left.map(({ bytes }) => bytes)],
    );
  }
  return { offsets, through: pieces.at(-1)?.last_offset ?? after, isAll: pieces.length < PIECES_MAX };
}

export async function forgetSender(
  query: Query,
  shard: number,
  log: string,
  name: string,
  after: number,
): Promise<void> {
  const pieces = await piecesAfter(query, shard, log, after);
  const isThere = pieces.some(({ first_offset: first, events }) =>
    eventsIn(events, first).some((event) => event.offset > after && isOf(name, event.from)),
  );
  if (isThere || pieces.length === PIECES_MAX) return;
  await query('DELETE FROM senders WHERE log_id = $1 AND name >= $2 AND name < $3', [log, ...namesFrom(name)]);
}

/** Until the transaction ends nobody writes what is of the shard. */
async function piecesAfter(query: Query, shard: number, log: string, after: number): Promise<PieceRow[]> {
  await query('SELECT 1 FROM watermarks WHERE shard = $1 FOR UPDATE', [shard]);
  return query<PieceRow>(
    `SELECT first_offset, last_offset, events FROM pieces
     WHERE log_id = $1 AND last_offset > $2 ORDER BY last_offset LIMIT ${PIECES_MAX}`,
    [log, after],
  );
}

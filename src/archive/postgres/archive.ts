/** The archive in Postgres (`../archive.ts`): pieces of logs in tables that the files of `migrations/` describe. */
import type { Archive, ArchivedLog, ArchivedPage, ChannelLog, FollowedLog } from '../archive.ts';
import { eventsAfter, eventsIn } from '../packing.ts';
import { forEver, type Retention } from '../retention.ts';
import { type Database, type DatabaseOptions, openDatabase } from './database.ts';
import { erasePart, findSent, forgetSender } from './erasing.ts';
import { claimTables, migrate } from './migrate.ts';
import { retain } from './retention.ts';
import { writeBatch } from './write.ts';

export interface PostgresOptions extends DatabaseOptions {
  readonly shards: number;
  /** Whether the tables are brought up to this version first. */
  readonly migrates: boolean;
  /** Default: all for ever. */
  readonly retention?: Retention;
}

/** Pieces that one statement looks at: of a channel that is silent for the most part each may have one event. */
const PIECES_MAX = 512;

const LOG =
  'l.id, l.epoch, l.base, l.head, (SELECT first_offset FROM pieces WHERE log_id = l.id ORDER BY last_offset LIMIT 1) AS oldest';

interface LogRow {
  readonly id: number;
  readonly epoch: string;
  readonly base: number;
  readonly head: number;
  readonly oldest: number | null;
}

type ChannelRow = LogRow & { readonly channel: string };

interface PieceRow {
  readonly first_offset: number;
  readonly events: Buffer;
}

interface ClaimRow {
  readonly token: string;
  readonly beat: number;
  readonly epoch: string | null;
  readonly rev: number;
}

/** Connects when it is first asked for something. */
export function openPostgres({ shards, migrates, retention = forEver, ...options }: PostgresOptions): Archive {
  const database = openDatabase(options);
  let prepared: Promise<void> | null = null;

  async function prepare(): Promise<void> {
    if (migrates) await migrate(database);
    await claimTables(database, shards);
  }

  /** Once, unless it fails. */
  function ready(): Promise<void> {
    prepared ??= prepare().catch((error: unknown) => {
      prepared = null;
      throw error;
    });
    return prepared;
  }

  const query: Database['query'] = async (text, values) => {
    await ready();
    return database.query(text, values);
  };

  return {
    ready,

    async claim(shard, token, sign) {
      const [row] = await query<ClaimRow>(
        `INSERT INTO watermarks AS w (shard, token, beat) VALUES ($1, $2, 1)
         ON CONFLICT (shard) DO UPDATE SET
           token = CASE WHEN w.token IN ($2, '') OR w.token || ' ' || w.beat = $3 THEN $2 ELSE w.token END,
           beat = w.beat + CASE WHEN w.token IN ($2, '') OR w.token || ' ' || w.beat = $3 THEN 1 ELSE 0 END
         RETURNING token, beat, epoch, rev`,
        [shard, token, sign],
      );
      const { epoch, rev, beat } = row!;
      if (row!.token === token) return { kind: 'ours', watermark: { epoch, rev } };
      return { kind: 'held', sign: `${row!.token} ${beat}` };
    },

    async release(shard, token) {
      await query(`UPDATE watermarks SET token = '', beat = beat + 1 WHERE shard = $1 AND token = $2`, [shard, token]);
    },

    async logsOf(shard, channels) {
      const rows = await query<LogRow & { channel: string } & Partial<PieceRow>>(
        `SELECT ${LOG}, l.channel, p.first_offset, p.events
         FROM logs l LEFT JOIN pieces p ON p.log_id = l.id AND p.last_offset = l.head
         WHERE l.is_current AND l.shard = $1 AND l.channel = ANY ($2)`,
        [shard, channels],
      );
      const logs = new Map(rows.map((row) => [row.channel, followedLog(row)]));
      return channels.map((channel) => logs.get(channel) ?? null);
    },

    async boundsOf(shard, channels) {
      const rows = await query<ChannelRow>(
        `SELECT ${LOG}, l.channel FROM logs l WHERE l.is_current AND l.shard = $1 AND l.channel = ANY ($2)`,
        [shard, channels],
      );
      return rows.map(channelLog);
    },

    async begunAbove(shard, epoch, base, behind, limit) {
      const rows = await query<ChannelRow>(
        `SELECT ${LOG}, l.channel FROM logs l
         WHERE l.is_current AND l.shard = $1 AND l.epoch = $2 AND l.base >= $3 AND l.channel > $4
         ORDER BY l.channel LIMIT $5`,
        [shard, epoch, base, behind, limit],
      );
      return rows.map(channelLog);
    },

    async eventsOf(shard, epoch) {
      const [row] = await query<{ events: number }>('SELECT events FROM watermarks WHERE shard = $1 AND epoch = $2', [
        shard,
        epoch,
      ]);
      return row?.events ?? 0;
    },

    async write(shard, token, batch) {
      await ready();
      return database.transaction((inside) => writeBatch(inside, shard, token, batch, retention));
    },

    async logsWith(shard, name) {
      await ready();
      return database.transaction((inside) => findSent(inside, shard, name));
    },

    async erase(shard, log, name, after, upTo) {
      await ready();
      return database.transaction((inside) => erasePart(inside, shard, log, name, after, upTo));
    },

    async forgetSender(shard, log, name, after) {
      await ready();
      await database.transaction((inside) => forgetSender(inside, shard, log, name, after));
    },

    async retain() {
      await ready();
      await retain(database, retention.all);
    },

    async read(channel, after, limit, maxBytes): Promise<ArchivedPage | null> {
      const rows = await query<LogRow & (PieceRow | { first_offset: null; events: null })>(
        `SELECT ${LOG}, p.first_offset, p.events
         FROM logs l LEFT JOIN LATERAL (
           SELECT first_offset, events, sum(octet_length(events)) OVER (ORDER BY last_offset) - octet_length(events) AS before
           FROM (SELECT * FROM pieces WHERE log_id = l.id AND last_offset > $2 ORDER BY last_offset LIMIT $3) near
         ) p ON p.before <= $4
         WHERE l.is_current AND l.channel = $1
         ORDER BY p.first_offset`,
        [channel, after, Math.min(limit, PIECES_MAX), maxBytes],
      );
      const [first] = rows;
      if (first === undefined) return null;
      const pieces = rows.flatMap(({ first_offset, events: bytes }) => {
        return bytes === null ? [] : [{ first: first_offset, bytes }];
      });
      return { log: archivedLog(first), events: eventsAfter(pieces, after, limit, maxBytes) };
    },

    close: () => database.close(),
  };
}

function archivedLog({ id, epoch, base, head, oldest }: LogRow): ArchivedLog {
  return { id: String(id), epoch, base, head, oldest: oldest ?? head + 1 };
}

function channelLog({ channel, ...row }: ChannelRow): ChannelLog {
  return { channel, log: archivedLog(row) };
}

function followedLog({ first_offset, events, ...row }: LogRow & Partial<PieceRow>): FollowedLog {
  const last = events ? eventsIn(events, first_offset!).at(-1)! : null;
  return { ...archivedLog(row), last };
}

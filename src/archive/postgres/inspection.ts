/** What an operator asks of the archive in Postgres (`../inspection.ts`). It may take its time. */
import type { Inspection } from '../inspection.ts';
import { eventsIn } from '../packing.ts';
import { type DatabaseOptions, openDatabase } from './database.ts';
import { migrate } from './migrate.ts';

const STATEMENT_TIMEOUT_MS = 600_000;

export function inspectPostgres(options: DatabaseOptions): Inspection {
  const database = openDatabase({ ...options, maxConnections: 1, statementTimeoutMs: STATEMENT_TIMEOUT_MS });
  const { query } = database;

  return {
    migrate: () => migrate(database),

    async status() {
      const [counts] = await query<{ channels: number; logs: number }>(
        'SELECT count(DISTINCT channel) AS channels, count(*) AS logs FROM logs',
      );
      const [size] = await query<{ events: number; bytes: number }>(
        `SELECT coalesce(sum(last_offset - first_offset + 1), 0)::bigint AS events,
           pg_total_relation_size('pieces') AS bytes FROM pieces`,
      );
      const shards = await query<{ shard: number; epoch: string | null; rev: number }>(
        'SELECT shard, epoch, rev FROM watermarks ORDER BY shard',
      );
      return { ...counts!, ...size!, shards };
    },

    async logs(channel, afterId, limit) {
      const rows = await query<{
        id: number;
        channel: string;
        epoch: string;
        base: number;
        head: number;
        oldest: number | null;
        is_current: boolean;
      }>(
        `SELECT l.*, (SELECT first_offset FROM pieces WHERE log_id = l.id ORDER BY last_offset LIMIT 1) AS oldest
         FROM logs l WHERE ($1::text IS NULL OR channel = $1) AND id > $2 ORDER BY id LIMIT $3`,
        [channel, afterId, limit],
      );
      return rows.map(({ id, is_current: isCurrent, oldest, head, ...rest }) => ({
        ...{ id: String(id), channel: rest.channel, epoch: rest.epoch, base: rest.base, head },
        oldest: oldest ?? head + 1,
        isCurrent,
      }));
    },

    async pieces(log, after, limit) {
      const rows = await query<{ first_offset: number; last_offset: number; events: Buffer }>(
        `SELECT first_offset, last_offset, events FROM pieces
         WHERE log_id = $1 AND last_offset > $2 ORDER BY last_offset LIMIT $3`,
        [log, after, limit],
      );
      return rows.map(({ first_offset: first, last_offset: last, events }) => ({
        first,
        last,
        events: eventsIn(events, first),
      }));
    },

    // Redis has them.
    state: async () => null,

    close: () => database.close(),
  };
}

/**
 * For how long pieces are kept: a table for all that is kept for so many days, in it one for each while, and those whose time is over
 * are dropped as a whole, which costs the database nothing. Which while it is, the database's clock says.
 */
import type { Database, Query } from './database.ts';

/** A while is so many days where pieces are kept for up to as many; there are never more than some fifty. */
const WHILES: readonly (readonly [keptDays: number, whileDays: number])[] = [
  [31, 1],
  [366, 8],
  [Number.POSITIVE_INFINITY, 90],
];

const DAY_MS = 86_400_000;

/**
 * Makes the tables of this while and the next, and drops those whose time is over.
 *
 * @param keptDays What channels are kept for, each once, without 0.
 * @param laterMs How much later it is than the clock of the database says: for tests.
 * @returns The names of what was dropped.
 */
export async function retain(database: Database, keptDays: readonly number[], laterMs = 0): Promise<string[]> {
  const [now] = await database.query<{ ms: number }>('SELECT (extract(epoch FROM now()) * 1000)::bigint AS ms');
  const nowMs = now!.ms + laterMs;
  return database.transaction(async (query) => {
    await query('SELECT pg_advisory_xact_lock(hashtext($1))', [`smallchange ${database.schema}`]);
    for (const days of keptDays) await make(query, days, nowMs);
    return drop(query, database.schema, nowMs);
  });
}

async function make(query: Query, days: number, nowMs: number): Promise<void> {
  const table = `pieces_${days}`;
  await query(
    `CREATE TABLE IF NOT EXISTS ${table} PARTITION OF pieces FOR VALUES IN (${days}) PARTITION BY RANGE (archived_at)`,
  );
  const whileMs = WHILES.find(([upTo]) => days <= upTo)![1] * DAY_MS;
  const first = Math.floor(nowMs / whileMs);
  for (const n of [first, first + 1]) {
    const [from, to] = [n * whileMs, (n + 1) * whileMs].map((ms) => new Date(ms).toISOString());
    const name = `${table}_until_${(n + 1) * whileMs}`;
    await query(`CREATE TABLE IF NOT EXISTS ${name} PARTITION OF ${table} FOR VALUES FROM ('${from}') TO ('${to}')`);
  }
}

/** Also of what nothing is kept for any more. */
async function drop(query: Query, schema: string, nowMs: number): Promise<string[]> {
  const tables = await query<{ name: string }>(
    `SELECT tablename AS name FROM pg_tables WHERE schemaname = $1 AND tablename ~ '^pieces_[0-9]+_until_[0-9]+$'`,
    [schema],
  );
  const dropped: string[] = [];
  for (const { name } of tables) {
    const [, days, untilMs] = /^pieces_(\d+)_until_(\d+)$/.exec(name)!.map(Number);
    if (untilMs! + days! * DAY_MS > nowMs) continue;
    await query(`DROP TABLE ${name}`);
    dropped.push(name);
  }
  return dropped;
}

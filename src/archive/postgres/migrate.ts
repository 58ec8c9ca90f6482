/** The tables of the archive, by numbered files: each is run once, and noted in the same transaction. */
import { readdirSync, readFileSync } from 'node:fs';
import { ArchiveUnusable } from '../../errors.ts';
import type { Database, Query } from './database.ts';

const folder = new URL('./migrations/', import.meta.url);

interface Migration {
  readonly name: string;
  readonly sql: string;
}

function migrations(): Migration[] {
  const names = readdirSync(folder).filter((name) => name.endsWith('.sql'));
  return names.sort().map((name) => ({ name, sql: readFileSync(new URL(name, folder), 'utf8') }));
}

/** Runs what was not run yet, alone, whoever else begins at the same time. @returns The names of what it ran. */
export function migrate(database: Database): Promise<string[]> {
  return database.transaction(async (query) => {
    await query('SELECT pg_advisory_xact_lock(hashtext($1))', [`smallchange ${database.schema}`]);
    await query(`CREATE SCHEMA IF NOT EXISTS ${database.schema}`);
    await query(
      'CREATE TABLE IF NOT EXISTS migrations (name text PRIMARY KEY, run_at timestamptz NOT NULL DEFAULT now())',
    );
    const done = await namesOf(query);
    const due = migrations().filter(({ name }) => !done.includes(name));
    for (const { name, sql } of due) {
      await query(sql);
      await query('INSERT INTO migrations (name) VALUES ($1)', [name]);
    }
    return due.map(({ name }) => name);
  });
}

/** @throws an `ArchiveUnusable` where the tables are older or newer than what this version knows, or of another number of shards. */
export async function claimTables({ query, schema }: Database, shards: number): Promise<void> {
  const [found] = await query<{ there: boolean }>('SELECT to_regclass($1) IS NOT NULL AS there', [
    `${schema}.migrations`,
  ]);
  const done = found!.there ? await namesOf(query) : [];
  const known = migrations().map(({ name }) => name);
  const missing = known.filter((name) => !done.includes(name));
  if (missing.length > 0) {
    throw new ArchiveUnusable(
      `the archive lacks ${missing.join(', ')}: run \`npm run archive -- migrate\`, or start with ARCHIVE_MIGRATE=1`,
    );
  }
  const newer = done.filter((name) => !known.includes(name));
  if (newer.length > 0) {
    throw new ArchiveUnusable(`the archive has ${newer.join(', ')}, of a newer version: start that one`);
  }
  const claimed = () => query<{ shards: number }>('SELECT shards FROM store');
  // Who only reads may have no right to write.
  if ((await claimed()).length === 0) {
    await query('INSERT INTO store (shards) VALUES ($1) ON CONFLICT DO NOTHING', [shards]);
  }
  const [store] = await claimed();
  if (store!.shards !== shards) {
    throw new ArchiveUnusable(
      `the archive is of a fleet with SHARDS=${store!.shards}, not ${shards}: DATABASE_URL or ARCHIVE_SCHEMA is another's`,
    );
  }
}

async function namesOf(query: Query): Promise<string[]> {
  return (await query<{ name: string }>('SELECT name FROM migrations')).map(({ name }) => name);
}

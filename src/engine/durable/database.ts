/**
 * The database of a single box: one file, one connection, in one thread. What a driver must be able to do, and what is told to
 * SQLite.
 *
 * The connection has the file for itself from its first statement to its end, however that comes, so a second process finds it
 * locked; and the fault of SQLite before 3.51.3, which loses what is written while another connection checkpoints, cannot happen.
 */
import { readFileSync } from 'node:fs';
import Libsql from 'libsql';
import { type Row, reads, type Value, type Write, writes } from './statements.ts';

export interface Database {
  /** Behind all others in the log; nothing else is in its buffer. It is on the disk when this returns. @returns Its number. */
  log(packed: Uint8Array): number;
  /** The log, from the first on. */
  logged(): Uint8Array[];
  /** All or none, in its tables. It is on the disk with the next that is logged, and not before what was logged until now. */
  settle(rows: readonly Write[]): void;
  /** What is in the log up to this number is settled. */
  settled(number: number): void;
  read(name: keyof typeof reads, values: readonly Value[]): Row[];
  /** Moves what is written to its place in the file, so that SQLite's own journal begins anew. */
  checkpoint(): void;
  /** What is in it is all that its files have, from now on. */
  scrub(): void;
  close(): void;
}

/** Of the tables; a database of another one is not touched. */
const VERSION = 2;

/** From each version to the next. */
const STEPS: Readonly<Record<number, string>> = {
  1: `ALTER TABLE channels ADD COLUMN erased INTEGER NOT NULL DEFAULT 0;
    CREATE TABLE counted (
      channel INTEGER NOT NULL, tag TEXT NOT NULL, through INTEGER NOT NULL, PRIMARY KEY (channel, tag)
    ) WITHOUT ROWID`,
};

const PRAGMAS = [
  'locking_mode = EXCLUSIVE',
  'journal_mode = WAL',
  'fullfsync = ON',
  // In the middle of a commit it would be somebody's time.
  'wal_autocheckpoint = 0',
];
/** A commit is on the disk when it has returned. */
const AT_ONCE = 'PRAGMA synchronous = FULL';
/** With the next one that is; and never behind a later one. */
const WITH_THE_NEXT = 'PRAGMA synchronous = NORMAL';

export class WrongVersion extends Error {
  readonly code = 'WRONG_VERSION';
}

/** Throws what SQLite says, `SQLITE_BUSY` where another process has it. */
export function openDatabase(file: string): Database {
  const db = new Libsql(file);
  try {
    for (const pragma of PRAGMAS) db.pragma(pragma);
    prepareTables(db);
    return databaseOn(db);
  } catch (error) {
    db.close();
    throw error;
  }
}

function prepareTables(db: Libsql.Database): void {
  // Also what takes the lock.
  db.exec('BEGIN IMMEDIATE');
  const [version] = db.prepare('PRAGMA user_version').raw().get() as [number];
  if (version > VERSION) {
    throw new WrongVersion(`its tables are of version ${version}, and this program knows ${VERSION}`);
  }
  if (version === 0) {
    db.exec(readFileSync(new URL('./schema.sql', import.meta.url), 'utf8'));
  }
  for (let of = version; of > 0 && of < VERSION; of++) db.exec(STEPS[of]!);
  if (version < VERSION) db.exec(`PRAGMA user_version = ${VERSION}`);
  db.exec('COMMIT');
  db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
}

function databaseOn(db: Libsql.Database): Database {
  const prepared = <K extends string>(statements: Readonly<Record<K, string>>) => {
    const pairs = Object.entries<string>(statements).map(([name, sql]) => [name, db.prepare(sql)]);
    return Object.fromEntries(pairs) as Record<K, Libsql.Statement>;
  };
  const writing = prepared(writes);
  const reading = prepared(reads);
  const log = db.prepare('INSERT INTO log VALUES (?, ?)');
  const settled = db.prepare('DELETE FROM log WHERE id <= ?');
  db.exec(AT_ONCE);

  function withTheNext(act: () => void): void {
    db.exec(WITH_THE_NEXT);
    try {
      db.exec('BEGIN IMMEDIATE');
      act();
      db.exec('COMMIT');
    } catch (error) {
      if (db.inTransaction) db.exec('ROLLBACK');
      throw error;
    } finally {
      db.exec(AT_ONCE);
    }
  }

  return {
    // The driver ends the process where bytes are the only value, or no Buffer.
    log: (packed) => Number(log.run(null, Buffer.from(packed.buffer)).lastInsertRowid),
    logged: () =>
      (db.prepare('SELECT packed FROM log ORDER BY id').raw().all() as [Uint8Array][]).map(([each]) => each),
    settle: (rows) =>
      withTheNext(() => {
        for (const [name, ...values] of rows) writing[name].run(...values);
      }),
    settled: (number) => withTheNext(() => void settled.run(number)),
    read: (name, values) => reading[name].raw().all(...values) as Row[],
    checkpoint: () => db.exec('PRAGMA wal_checkpoint(PASSIVE)'),
    scrub() {
      // Not PRAGMA secure_delete: copies that a split of a page left behind are none of what it writes over.
      db.exec('VACUUM');
      db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    },
    close: () => void db.close(),
  };
}

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
  /** All or none, and on the disk. */
  write(rows: readonly Write[]): void;
  read(name: keyof typeof reads, values: readonly Value[]): Row[];
  /** Moves what is written to its place in the file, so that the journal begins anew. */
  checkpoint(): void;
  close(): void;
}

/** Of the tables; a database of another one is not touched. */
const VERSION = 1;

const PRAGMAS = [
  'locking_mode = EXCLUSIVE',
  'journal_mode = WAL',
  // A commit is on the disk when it has returned.
  'synchronous = FULL',
  'fullfsync = ON',
  // In the middle of a commit it would be somebody's time.
  'wal_autocheckpoint = 0',
];

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
    db.exec(`PRAGMA user_version = ${VERSION}`);
  }
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
  const begin = db.prepare('BEGIN IMMEDIATE');
  const commit = db.prepare('COMMIT');
  return {
    write(rows) {
      begin.run();
      try {
        for (const [name, ...values] of rows) writing[name].run(...values);
        commit.run();
      } catch (error) {
        if (db.inTransaction) db.exec('ROLLBACK');
        throw error;
      }
    },
    read: (name, values) => reading[name].raw().all(...values) as Row[],
    checkpoint: () => db.exec('PRAGMA wal_checkpoint(PASSIVE)'),
    close: () => void db.close(),
  };
}

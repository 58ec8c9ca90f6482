/**
 * The directory of a single box: what is in it, whose it is, and one sentence for the operator where it cannot be used.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { EngineUnusable } from '../../errors.ts';
import { Disk, Unopened } from './disk.ts';

const DATABASE = 'smallchange.db';
/** Who has it, for people: what keeps others out is the lock on the database, which ends with the process. */
const HOLDER = 'holder.txt';

const NOT_INSTALLED = ['ERR_MODULE_NOT_FOUND', 'MODULE_NOT_FOUND'];

/** Of the files that the database consists of. */
export function bytesOf(dir: string): number {
  const files = readdirSync(dir).filter((name) => name.startsWith(DATABASE));
  return files.reduce((sum, name) => sum + statSync(join(dir, name)).size, 0);
}

/** The same of one that a box has used. Throws an EngineUnusable. */
export async function openUsedDirectory(dir: string): Promise<Disk> {
  if (existsSync(join(dir, DATABASE))) return openDirectory(dir);
  throw new EngineUnusable(`DATA_DIR ${dir} has no ${DATABASE}: nothing was ever kept there.`);
}

/** Throws an EngineUnusable. */
export async function openDirectory(dir: string): Promise<Disk> {
  try {
    // What was accepted is nobody else's business.
    mkdirSync(dir, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new EngineUnusable(`DATA_DIR ${dir} cannot be made: ${(error as Error).message}`, { cause: error });
  }
  const file = join(dir, DATABASE);
  const disk = await Disk.open({ file }).catch((error: unknown) => {
    throw error instanceof Unopened ? new EngineUnusable(sentence(dir, error), { cause: error }) : error;
  });
  tellHolder(dir);
  return disk;
}

function sentence(dir: string, { failure: { code, message } }: Unopened): string {
  if (code === 'SQLITE_BUSY')
    return `DATA_DIR ${dir} is in use by ${holderOf(dir)}: each process needs one of its own.`;
  if (code === 'SQLITE_NOTADB') return `DATA_DIR ${dir} has a ${DATABASE} that is no database: ${message}`;
  if (NOT_INSTALLED.includes(code)) return `DATA_DIR needs the package libsql, which is not installed here: ${message}`;
  if (code === 'WRONG_VERSION') return `DATA_DIR ${dir} cannot be used: ${message}.`;
  return `DATA_DIR ${dir} cannot be used: ${message} (${code})`;
}

function tellHolder(dir: string): void {
  try {
    writeFileSync(join(dir, HOLDER), `process ${process.pid} on ${hostname()}, since ${new Date().toISOString()}\n`);
  } catch {
    // It is for people alone; what a full disk has to tell, it tells with the first change.
  }
}

function holderOf(dir: string): string {
  try {
    return readFileSync(join(dir, HOLDER), 'utf8').trim();
  } catch {
    return 'another process';
  }
}

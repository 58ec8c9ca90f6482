/**
 * The thread that has the database. What it is told in one message is one transaction: while one is on its way to the disk the
 * next one grows. Nothing that the disk does keeps the event loop of the process.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { Unpackr } from 'msgpackr';
import { type Database, openDatabase } from './database.ts';
import type { Answer, Opening, Order } from './messages.ts';
import type { Write } from './statements.ts';

/** Written since the last checkpoint, bytes: with so much it is time when nothing is to do, and with more in any case. */
const CHECKPOINT_BYTES = 4 << 20;
const CHECKPOINT_AT_ONCE_BYTES = 64 << 20;

const port = parentPort!;
const { file } = workerData as Opening;
const unpackr = new Unpackr({ useRecords: false, copyBuffers: true });
let writtenBytes = 0;
let isIdle = true;

function begin(): Database | null {
  try {
    return openDatabase(file);
  } catch (error) {
    answer({ ok: false, failure: failureOf(error) });
    return null;
  }
}

const database = begin();
if (database) {
  answer({ ok: true, rows: [] });
  port.on('message', (order: Order) => {
    isIdle = false;
    answer(done(database, order));
    if (order.kind === 'close') port.close();
    else checkpointInTime(database);
  });
}

function done(db: Database, order: Order): Answer {
  try {
    if (order.kind === 'read') return { ok: true, rows: db.read(order.name, order.values) };
    if (order.kind === 'close') db.close();
    else write(db, order.packed);
    return { ok: true, rows: [] };
  } catch (error) {
    return { ok: false, failure: failureOf(error) };
  }
}

function write(db: Database, packed: Uint8Array): void {
  db.write(unpackr.unpack(packed) as Write[]);
  writtenBytes += packed.length;
}

/** A message that has come meanwhile is handled before. */
function checkpointInTime(db: Database): void {
  if (writtenBytes < CHECKPOINT_BYTES) return;
  if (writtenBytes > CHECKPOINT_AT_ONCE_BYTES) return checkpoint(db);
  isIdle = true;
  setImmediate(() => {
    if (isIdle && writtenBytes >= CHECKPOINT_BYTES) checkpoint(db);
  });
}

function checkpoint(db: Database): void {
  writtenBytes = 0;
  try {
    db.checkpoint();
  } catch {
    // The journal has it still, and the next write tells of a disk that is ill.
  }
}

function answer(words: Answer): void {
  port.postMessage(words);
}

function failureOf(error: unknown): { code: string; message: string } {
  const { code = '', message } = error as Error & { code?: string };
  return { code: String(code), message };
}

/**
 * The thread that has the database. What it is told in one message is one row of a log: while one is on its way to the disk the
 * next one grows, and nothing that the disk does keeps the event loop of the process.
 *
 * A change touches half a dozen rows of as many tables, which are as many pages. So these are written behind: many messages at a time,
 * a few rows between two messages, and the log forgets them when all is in its place. What is in the log when a process begins is
 * settled first.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { Unpackr } from 'msgpackr';
import type { Database } from './database.ts';
import type { Answer, Failure, Opening, Order } from './messages.ts';
import { Settling } from './settling.ts';
import type { Write } from './statements.ts';

/** With so many in the log, or so many bytes of them, it is time to settle them. */
const SETTLE_WRITES = 5_000;
const SETTLE_BYTES = 4 << 20;
/** Between two messages: a millisecond or three. */
const SLICE_WRITES = 500;
/** Behind a slice that the disk did not take. */
const AGAIN_MS = 1_000;
/** Written since the last checkpoint, bytes, about: with so much it is time for one. */
const CHECKPOINT_BYTES = 16 << 20;

/** A disk that does not take it. Anything else is a fault of ours, with which nothing goes on. */
const ILL = /^SQLITE_(FULL|IOERR|READONLY|CANTOPEN|NOMEM)/;

const port = parentPort!;
const unpackr = new Unpackr({ useRecords: false, copyBuffers: true });

class Keeper {
  readonly #db: Database;
  /** What came since the last time that something was settled. */
  #coming = { writes: new Settling(false), bytes: 0, last: 0 };
  /** What is being settled. */
  #settling: { writes: Settling; last: number } | null = null;
  /** What was told last, as it came. */
  #unsorted: Uint8Array | null = null;
  #writtenBytes = 0;

  constructor(db: Database) {
    this.#db = db;
    const left = new Settling(true);
    for (const packed of db.logged()) left.add(unpackr.unpack(packed) as Write[]);
    db.settle(left.first(left.size));
    db.settled(Number.MAX_SAFE_INTEGER);
  }

  do(order: Order): Answer {
    try {
      if (order.kind === 'read') {
        const { settles } = order;
        if (settles === 'all' || (settles !== undefined && this.#hasPiecesOf(settles))) this.#settleAll();
        return { ok: true, rows: this.#db.read(order.name, order.values) };
      }
      if (order.kind === 'close') this.#db.close();
      else if (order.kind === 'scrub') this.#scrub();
      else this.#write(order.packed);
      return { ok: true, rows: [] };
    } catch (error) {
      return { ok: false, failure: failureOf(error) };
    }
  }

  #write(packed: Uint8Array): void {
    this.#coming.last = this.#db.log(packed);
    this.#coming.bytes += packed.length;
    this.#writtenBytes += packed.length;
    this.#unsorted = packed;
  }

  settleInTime(): void {
    const { writes, bytes, last } = this.#coming;
    if (this.#unsorted !== null) writes.add(unpackr.unpack(this.#unsorted) as Write[]);
    this.#unsorted = null;
    if (this.#settling !== null || (writes.size < SETTLE_WRITES && bytes < SETTLE_BYTES)) return;
    this.#settling = { writes, last };
    this.#coming = { writes: new Settling(false), bytes: 0, last };
    setImmediate(() => this.#settleNext());
  }

  #settleNext(): void {
    if (this.#settling === null) return;
    const { writes, last } = this.#settling;
    try {
      const rows = writes.first(SLICE_WRITES);
      this.#db.settle(rows);
      writes.drop(rows);
      if (writes.size === 0) {
        this.#db.settled(last);
        this.#settling = null;
        this.#checkpointInTime();
        this.settleInTime();
      } else {
        setImmediate(() => this.#settleNext());
      }
    } catch (error) {
      if (!ILL.test(failureOf(error).code)) throw error;
      // It is in the log, and what is told next tells of the disk.
      setTimeout(() => this.#settleNext(), AGAIN_MS).unref();
    }
  }

  /** The log has been told it all before, bytes that are gone from the tables as well. */
  #scrub(): void {
    this.#settleAll();
    if (this.#settling !== null) this.#db.settled(this.#coming.last);
    this.#settling = null;
    this.#coming.bytes = 0;
    this.#db.scrub();
    this.#writtenBytes = 0;
  }

  #hasPiecesOf(channel: number): boolean {
    return this.#coming.writes.hasPiecesOf(channel) || (this.#settling?.writes.hasPiecesOf(channel) ?? false);
  }

  #settleAll(): void {
    for (const writes of [this.#settling?.writes, this.#coming.writes]) {
      if (writes === undefined || writes.size === 0) continue;
      const rows = writes.first(writes.size);
      this.#db.settle(rows);
      writes.drop(rows);
    }
    // What was being settled is found to be, in its next turn.
    if (this.#settling !== null) return;
    this.#db.settled(this.#coming.last);
    this.#coming.bytes = 0;
  }

  #checkpointInTime(): void {
    if (this.#writtenBytes < CHECKPOINT_BYTES) return;
    this.#db.checkpoint();
    this.#writtenBytes = 0;
  }
}

async function begin({ file }: Opening): Promise<void> {
  try {
    // It is not there on every kind of machine.
    const { openDatabase } = await import('./database.ts');
    const keeper = new Keeper(openDatabase(file));
    answer({ ok: true, rows: [] });
    port.on('message', (order: Order) => {
      answer(keeper.do(order));
      if (order.kind === 'close') process.exit();
      // Whoever waited has his answer.
      keeper.settleInTime();
    });
  } catch (error) {
    answer({ ok: false, failure: failureOf(error) });
  }
}

function answer(words: Answer): void {
  port.postMessage(words);
}

function failureOf(error: unknown): Failure {
  const { code = '', message } = error as Error & { code?: string };
  return { code: String(code), message };
}

await begin(workerData as Opening);

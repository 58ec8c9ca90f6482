/**
 * The disk, as the engine sees it: what is to be written together, and when it is there.
 *
 * One message is under way; what comes meanwhile goes with the next. That waits for a part of the time that the last one took: whoever
 * was told that his change is there sends another one, and the next but one would have it. A write that fails leaves nothing behind,
 * and those behind it are tried all the same.
 */
import { Worker } from 'node:worker_threads';
import { Packr } from 'msgpackr';
import { EngineUnavailable } from '../../errors.ts';
import type { Answer, Failure, Opening, Order } from './messages.ts';
import type { Row, reads, Value, Write } from './statements.ts';

/** Of the time that a write takes so much is waited for more to write. */
const GATHER = 1 / 2;
/** Milliseconds: shorter waits than timers know are a turn of the event loop. */
const TIMER_MS = 1;
/** Of a message, about; a single write may have more. */
const MESSAGE_MAX_BYTES = 4 << 20;
/** What a value is counted as, beside its text or bytes. */
const VALUE_BYTES = 9;

/** Of one answer. */
const PAGE_ROWS = 2_000;

const packr = new Packr({ useRecords: false });

interface Waiting<T> {
  resolve(value: T): void;
  reject(error: unknown): void;
}

interface Wish extends Waiting<void> {
  readonly rows: readonly Write[];
}

/** The database cannot be opened. */
export class Unopened extends Error {
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.message);
    this.failure = failure;
  }
}

export class Disk {
  readonly #thread: Worker;
  readonly #answers: Waiting<readonly Row[]>[] = [];
  #wishes: Wish[] = [];
  #isWriting = false;
  #isClosed = false;
  /** Why the last write failed, if it did. */
  failure: EngineUnavailable | null = null;

  private constructor(opening: Opening) {
    // Compiled it is another file than here.
    const file = import.meta.url.endsWith('.ts') ? './thread.ts' : './thread.js';
    this.#thread = new Worker(new URL(file, import.meta.url), { workerData: opening, name: 'disk' });
    this.#thread.on('message', (answer: Answer) => this.#answered(answer));
  }

  /** Rejects with an `Unopened`. */
  static async open(opening: Opening): Promise<Disk> {
    const disk = new Disk(opening);
    await new Promise<readonly Row[]>((resolve, reject) => {
      disk.#answers.push({ resolve, reject: (error) => reject(new Unopened((error as Told).failure)) });
    });
    return disk;
  }

  /** Resolves when they are on the disk, all of them; rejects with an EngineUnavailable when none is. */
  write(rows: readonly Write[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#wishes.push({ rows, resolve, reject });
      this.#writeNext();
    });
  }

  async read(name: keyof typeof reads, ...values: Value[]): Promise<readonly Row[]> {
    return this.#order({ kind: 'read', name, values });
  }

  /** With all that was written until now, or all pieces of this channel. */
  async readSettled(
    name: keyof typeof reads,
    values: readonly Value[],
    channel: number | 'all' = 'all',
  ): Promise<readonly Row[]> {
    return this.#order({ kind: 'read', name, values, settles: channel });
  }

  /**
   * All rows of a table, page after page, in the order of their keys.
   *
   * @param before A key that is before all others.
   * @param values What the statement is told beside a key.
   */
  async readAll(
    name: keyof typeof reads,
    before: readonly Value[],
    act: (row: Row) => void,
    values: readonly Value[] = [],
  ): Promise<void> {
    for (let after = before; ; ) {
      const rows = await this.read(name, ...after, ...values, PAGE_ROWS);
      if (rows.length === 0) return;
      for (const row of rows) act(row);
      after = rows.at(-1)!.slice(0, before.length);
    }
  }

  /** Writes the files anew: what was deleted, or written over, until now is in none of them any more. Takes its time. @throws {EngineUnavailable} */
  async scrub(): Promise<void> {
    // Behind all that is to be written.
    await this.write([]);
    await this.#order({ kind: 'scrub' }).catch((error: Told) => {
      throw new EngineUnavailable(`The disk is not written anew: ${error.message}`, { cause: error });
    });
  }

  /** What was to be written before is. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    // Behind all others.
    await this.write([]).catch(() => {});
    const ended = new Promise((resolve) => this.#thread.once('exit', resolve));
    await this.#order({ kind: 'close' });
    this.#thread.ref();
    await ended;
  }

  #writeNext(): void {
    if (this.#isWriting || this.#wishes.length === 0) return;
    const wishes = this.#together();
    const rows = wishes.flatMap((wish) => wish.rows);
    const startedMs = performance.now();
    this.#isWriting = true;
    const written = this.#order({ kind: 'write', packed: Uint8Array.prototype.slice.call(packr.pack(rows)) });
    const settle = (act: (wish: Wish) => void) => {
      for (const wish of wishes) act(wish);
      const gatherMs = GATHER * (performance.now() - startedMs);
      if (gatherMs < TIMER_MS) setImmediate(next);
      else setTimeout(next, gatherMs);
    };
    const next = () => {
      this.#isWriting = false;
      this.#writeNext();
    };
    written.then(
      () => {
        this.failure = null;
        settle((wish) => wish.resolve());
      },
      (error: Told) => {
        const failure = new EngineUnavailable(`The disk does not take it: ${error.message}`, { cause: error });
        this.failure = failure;
        settle((wish) => wish.reject(failure));
      },
    );
  }

  #together(): Wish[] {
    let bytes = 0;
    let count = 0;
    while (count < this.#wishes.length && bytes < MESSAGE_MAX_BYTES) bytes += weigh(this.#wishes[count++]!.rows);
    return this.#wishes.splice(0, count);
  }

  #order(order: Order): Promise<readonly Row[]> {
    return new Promise((resolve, reject) => {
      // A process ends when nobody waits for it any more.
      if (this.#answers.length === 0) this.#thread.ref();
      this.#answers.push({ resolve, reject });
      this.#thread.postMessage(order, order.kind === 'write' ? [order.packed.buffer as ArrayBuffer] : []);
    });
  }

  #answered(answer: Answer): void {
    const { resolve, reject } = this.#answers.shift()!;
    if (this.#answers.length === 0) this.#thread.unref();
    if (answer.ok) resolve(answer.rows);
    else reject(new Told(answer.failure));
  }
}

function weigh(rows: readonly Write[]): number {
  let bytes = 0;
  for (const row of rows) {
    for (const value of row)
      bytes += VALUE_BYTES + (typeof value === 'object' || typeof value === 'string' ? (value?.length ?? 0) : 0);
  }
  return bytes;
}

class Told extends Error {
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(`${failure.message} (${failure.code})`);
    this.failure = failure;
  }
}

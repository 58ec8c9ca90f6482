/**
 * The streams of a process: opened at a pace, cut on purpose, opened again whenever they end.
 *
 * Invariant: an idle stream owns its socket and one row of a few bytes in arrays, no more.
 */

import type { Ledger } from '../ledger/ledger.ts';
import { nowMs } from '../measures/clock.ts';
import type { Random } from '../measures/random.ts';
import type { Work } from '../run/messages.ts';
import { type Holder, Listener } from './listener.ts';
import { Parser } from './parser.ts';
import { Routes } from './routes.ts';
import { IS_ANNOUNCED, IS_CUT, IS_OPEN, PORT_IS_TAKEN, RowStates, WAS_OPEN } from './row-states.ts';
import { type SocketEvents, Sockets } from './sockets.ts';
import { Turns } from './turns.ts';

/** A stream that has no first frame after this is tried again. */
const OPEN_TIMEOUT_MS = 30_000;
/** A stream that was cut on purpose is away for a random time up to this: a phone between two networks. */
const AWAY_MS = 1000;

export class Streams implements Holder, SocketEvents {
  readonly #work: Work;
  readonly #ledger: Ledger;
  readonly #random: Random;
  readonly #states: RowStates;
  readonly #routes: Routes;
  readonly #turns: Turns;
  readonly #parser: Parser;
  readonly #sockets: Sockets;
  /** In the order in which they were begun. */
  readonly #openingSinceMs = new Map<number, number>();
  /** Why streams that are about to end do so. */
  readonly #reasons = new Map<number, string>();
  #isLoaded = false;
  /** Why the last stream that could not be opened could not. */
  lastFailure: string | null = null;
  onAllOpen: () => void = () => {};

  constructor(work: Work, ledger: Ledger, random: Random) {
    const { rows } = ledger.rooms;
    this.#work = work;
    this.#ledger = ledger;
    this.#random = random;
    this.#states = new RowStates(rows);
    this.#routes = new Routes(work, ledger, random);
    this.#turns = new Turns(rows, work.openPerS, work.tickMs);
    this.#parser = new Parser(rows, new Listener(ledger, this.#states, this));
    this.#sockets = new Sockets(rows, this);
  }

  /** From now on streams are opened, at the pace that was asked for. */
  start(): void {
    this.#turns.start();
    this.tick();
  }

  /** From now on a stream that ends is an offence. */
  loaded(): void {
    this.#isLoaded = true;
  }

  tick(): void {
    const now = nowMs();
    this.#turns.tick(now);
    for (const [row, sinceMs] of this.#openingSinceMs) {
      if (now - sinceMs < OPEN_TIMEOUT_MS) break;
      this.#openingSinceMs.delete(row);
      this.drop(row, `no first frame within ${OPEN_TIMEOUT_MS / 1000} s`);
    }
    this.#openSome(now);
  }

  /** Cuts an open stream, chosen at random; it comes back by itself. */
  cutOne(): void {
    const row = this.#random.int(this.#ledger.rooms.rows);
    if (!this.#states.is(row, IS_OPEN) || this.#states.is(row, IS_CUT)) return;
    this.#states.set(row, IS_CUT);
    this.#ledger.counts.cut++;
    this.#sockets.cut(row);
  }

  close(): void {
    this.#sockets.close();
  }

  // What the listener finds in what streams are told

  opened(row: number): void {
    const { counts, rooms } = this.#ledger;
    const isFirst = !this.#states.is(row, WAS_OPEN);
    this.#states.set(row, IS_OPEN | WAS_OPEN);
    this.#openingSinceMs.delete(row);
    counts.open++;
    if (isFirst && ++counts.opened === rooms.rows) this.onAllOpen();
    this.#openSome(nowMs());
  }

  openingSinceMs(row: number): number {
    return this.#openingSinceMs.get(row) ?? nowMs();
  }

  because(row: number, why: string): void {
    this.#reasons.set(row, why);
  }

  drop(row: number, why: string): void {
    this.because(row, why);
    this.#sockets.drop(row);
  }

  // What becomes of sockets

  connected(row: number): string {
    return this.#routes.requestOf(row);
  }

  read(row: number, buffer: Buffer, length: number): void {
    this.#parser.feed(row, buffer, length);
  }

  failed(row: number, { code, message }: NodeJS.ErrnoException): void {
    if (code === 'EADDRINUSE') this.#states.set(row, PORT_IS_TAKEN);
    this.because(row, message);
  }

  closed(row: number): void {
    const states = this.#states;
    const why = this.#reasons.get(row);
    this.#reasons.delete(row);
    this.#openingSinceMs.delete(row);
    const isCut = states.is(row, IS_CUT);
    if (states.is(row, IS_OPEN)) {
      this.#ledger.counts.open--;
      const isAnnounced = states.is(row, IS_ANNOUNCED) && !this.#work.options.strict;
      this.#ledger.ended(row, isCut, isAnnounced, this.#isLoaded, why ?? 'the server closed it');
    } else {
      this.#ledger.counts.openFailures++;
      this.lastFailure = why ?? 'the connection ended before the first frame';
    }
    const awayMs = isCut ? AWAY_MS : states.is(row, PORT_IS_TAKEN) ? 0 : states.retryMs[row]!;
    states.reset(row);
    this.#turns.again(row, nowMs() + this.#random.next() * awayMs);
  }

  #openSome(now: number): void {
    while (this.#openingSinceMs.size < this.#work.openingMax) {
      const row = this.#turns.take(now);
      if (row === undefined) return;
      this.#parser.reset(row);
      this.#openingSinceMs.set(row, now);
      this.#sockets.connect(row, this.#routes.next(row));
    }
  }
}

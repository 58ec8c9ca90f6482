/**
 * One abuse after the other, each compared with a quiet time right before it: a machine that is shared is not equally fast for long.
 * A pair in which the measuring process itself stood still has measured that process: it is done anew, a few times at most.
 */

import { descendantsOf, isRunning } from '../../loadtest/tester.ts';
import type { ServerProcess } from '../../support/process.ts';
import { type Attacker, type Order, startAttacker } from './attack.ts';
import { GoodClients, type GoodOptions } from './good-clients.ts';
import { reachedOf } from './reached.ts';

/** What a good client's p99 may become under abuse. */
const P99_FACTOR = 2;
/** And what nobody calls slow: without it a quiet p99 of 1 ms that becomes 2.1 would be a failure. Said in the promise. */
export const P99_FLOOR_MS = 5;

/** The p99 of ten seconds is the worst 100 ms of them: half of that. */
const OWN_DELAY_MAX_MS = 50;
/** In all: a good client's h2 connection has so many requests left at nginx. */
const AGAIN_MAX = 3;

export interface SiegeOptions extends GoodOptions {
  readonly server: ServerProcess;
  /** The process behind which the server is; null at the server itself. */
  readonly edgePid: number | null;
  /** Of each quiet time and each abuse. */
  readonly seconds: number;
}

export class Siege {
  readonly figures: Record<string, number | string> = {};
  readonly failures: string[] = [];
  readonly #options: SiegeOptions;
  readonly #good: GoodClients;
  readonly #pids: readonly number[];
  readonly #acceptedBefore: number;
  #again = 0;

  private constructor(options: SiegeOptions, good: GoodClients, acceptedBefore: number) {
    this.#options = options;
    this.#good = good;
    this.#acceptedBefore = acceptedBefore;
    const { server, edgePid } = options;
    this.#pids = [server.pid, ...(edgePid === null ? [] : [edgePid, ...descendantsOf(edgePid)])];
  }

  static async lay(options: SiegeOptions): Promise<Siege> {
    const { accepted } = await reachedOf(options.server.url);
    const good = await GoodClients.open(options);
    // Connections, caches and compilers: not what is to be compared.
    await good.measure(options.seconds / 2);
    return new Siege(options, good, accepted);
  }

  /** @param after What is to be seen of the attacker when the good clients have been measured, before it is ended. */
  async under(name: string, order: Order, after?: (attacker: Attacker) => Promise<void>): Promise<void> {
    const quiet = await this.#good.measure(this.#options.seconds);
    const attacker = await startAttacker(order);
    const { p50Ms, p99Ms, postP99Ms, ownDelayMs: own } = await this.#good.measure(this.#options.seconds);
    await after?.(attacker);
    for (const fault of await attacker.end()) this.failures.push(`${name}: ${fault}`);
    const ownDelayMs = Math.max(own, quiet.ownDelayMs);
    if (ownDelayMs > OWN_DELAY_MAX_MS && this.#again++ < AGAIN_MAX) return this.under(name, order, after);
    const written = (ms: number) => ms.toFixed(1);
    this.figures[`${name}: p50/p99 ms`] = `${written(p50Ms)}/${written(p99Ms)}`;
    this.figures[`${name}: POST p99`] = `${written(postP99Ms)}, quiet ${written(quiet.postP99Ms)}`;
    this.figures[`${name}: quiet`] = `${written(quiet.p50Ms)}/${written(quiet.p99Ms)}`;
    this.figures[`${name}: p99 ×`] = (p99Ms / quiet.p99Ms).toFixed(2);
    this.figures[`${name}: did`] = Object.entries(attacker.figures)
      .map(([what, count]) => `${count} ${what}`)
      .join(', ');
    if (p99Ms > Math.max(P99_FACTOR * quiet.p99Ms, P99_FLOOR_MS)) {
      const note = `this process stood still for ${written(ownDelayMs)} ms`;
      this.failures.push(`${name}: p99 ${written(p99Ms)} ms, in quiet ${written(quiet.p99Ms)}; ${note}`);
    }
  }

  /** Changes that are not of the good clients, so far. */
  async foreignChanges(): Promise<number> {
    const { accepted } = await reachedOf(this.#options.server.url);
    return accepted - this.#acceptedBefore - this.#good.accepted;
  }

  /** Lifts it, and looks at what is left. */
  end(): void {
    const { accepted, lost, repeated, refused, ended } = this.#good;
    Object.assign(this.figures, { 'good changes': accepted, lost, repeated, refused, 'streams ended': ended });
    for (const [what, count] of Object.entries({ lost, repeated, refused, 'streams ended': ended })) {
      if (count > 0) this.failures.push(`good clients: ${count} ${what}`);
    }
    this.figures['measured anew'] = Math.min(this.#again, AGAIN_MAX);
    const gone = this.#pids.filter((pid) => !isRunning(pid));
    this.figures['processes alive'] = `${this.#pids.length - gone.length} of ${this.#pids.length}`;
    if (gone.length > 0) this.failures.push(`processes have ended: ${gone.join()}`);
    this.#good.close();
  }
}

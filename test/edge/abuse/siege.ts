/**
 * One abuse after the other, each compared with a quiet time right before it: a machine that is shared is not equally fast for long.
 * Both are looked at in windows, of which the median counts: a second in which the machine stood still is one window's.
 */

import { quantile } from '../../../loadtest/quantile.ts';
import { descendantsOf, isRunning } from '../../loadtest/tester.ts';
import type { ServerProcess } from '../../support/process.ts';
import { type Attacker, type Order, startAttacker } from './attack.ts';
import { GoodClients, type GoodOptions } from './good-clients.ts';
import { reachedOf } from './reached.ts';

/** What a good client's p99 may become under abuse. */
const P99_FACTOR = 2;
/** Of each quiet time and of each abuse. */
const WINDOWS = 9;

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
    await good.measure(options.seconds);
    return new Siege(options, good, accepted);
  }

  /** @param after What is to be seen of the attacker when the good clients have been measured, before it is ended. */
  async under(name: string, order: Order, after?: (attacker: Attacker) => Promise<void>): Promise<void> {
    const quiet = await this.#measure();
    const attacker = await startAttacker(order);
    const under = await this.#measure();
    await after?.(attacker);
    for (const fault of await attacker.end()) this.failures.push(`${name}: ${fault}`);
    const factor = under.p99Ms / quiet.p99Ms;
    this.figures[`${name}: p50/p99 ms`] = `${under.p50Ms.toFixed(1)}/${under.p99Ms.toFixed(1)}`;
    this.figures[`${name}: quiet`] = `${quiet.p50Ms.toFixed(1)}/${quiet.p99Ms.toFixed(1)}`;
    this.figures[`${name}: p99 of windows`] = `${under.windows}, quiet ${quiet.windows}`;
    this.figures[`${name}: p99 ×`] = factor.toFixed(2);
    this.figures[`${name}: did`] = Object.entries(attacker.figures)
      .map(([what, count]) => `${count} ${what}`)
      .join(', ');
    if (factor > P99_FACTOR) {
      this.failures.push(`${name}: p99 ${under.p99Ms.toFixed(1)} ms, in quiet ${quiet.p99Ms.toFixed(1)}`);
    }
  }

  async #measure() {
    const p50sMs: number[] = [];
    const p99sMs: number[] = [];
    for (let i = 0; i < WINDOWS; i++) {
      const { p50Ms, p99Ms } = await this.#good.measure(this.#options.seconds / WINDOWS);
      p50sMs.push(p50Ms);
      p99sMs.push(p99Ms);
    }
    const windows = p99sMs.map((each) => each.toFixed(1)).join(' ');
    return { p50Ms: quantile(p50sMs, 0.5), p99Ms: quantile(p99sMs, 0.5), windows };
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
    const gone = this.#pids.filter((pid) => !isRunning(pid));
    this.figures['processes alive'] = `${this.#pids.length - gone.length} of ${this.#pids.length}`;
    if (gone.length > 0) this.failures.push(`processes have ended: ${gone.join()}`);
    this.#good.close();
  }
}

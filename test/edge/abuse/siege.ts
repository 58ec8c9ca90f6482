/**
 * One abuse after the other, each in turn with quiet times: a machine that is shared is not equally fast for long. Both are looked
 * at in windows, of which the median counts: a second in which the machine stood still is one window's.
 */
import { quantile } from '../../../loadtest/measures/quantile.ts';
import { descendantsOf, isRunning } from '../../loadtest/tester.ts';
import type { ServerProcess } from '../../support/process.ts';
import { type Attacker, type Figures, type Order, startAttacker } from './attack.ts';
import { GoodClients, type GoodOptions, type Measured } from './good-clients.ts';
import { reachedOf } from './reached.ts';

/** What a good client's p99 may become under abuse. */
const P99_FACTOR = 2;
export const ROUNDS = 3;
/** Of each quiet time and of each abuse. */
const WINDOWS = 7;

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
  /** Of each abuse, for nginx ends an h2 connection after 5,000 requests. */
  readonly #good: GoodClients[] = [];
  readonly #pids: readonly number[];
  readonly #acceptedBefore: number;

  private constructor(options: SiegeOptions, acceptedBefore: number) {
    this.#options = options;
    this.#acceptedBefore = acceptedBefore;
    const { server, edgePid } = options;
    this.#pids = [server.pid, ...(edgePid === null ? [] : [edgePid, ...descendantsOf(edgePid)])];
  }

  static async lay(options: SiegeOptions): Promise<Siege> {
    return new Siege(options, (await reachedOf(options.server.url)).accepted);
  }

  /** @param after What is to be seen of the last attacker when the good clients have been measured, before it is ended. */
  async under(name: string, order: Order, after?: (attacker: Attacker) => Promise<void>): Promise<void> {
    const good = await GoodClients.open(this.#options);
    this.#good.push(good);
    // Connections, caches and compilers: not what is to be compared.
    await good.measure(this.#options.seconds);
    const quiet: Measured[] = [];
    const under: Measured[] = [];
    let did: Figures = {};
    for (let round = 1; round <= ROUNDS; round++) {
      quiet.push(...(await this.#windows(good)));
      const attacker = await startAttacker(order);
      under.push(...(await this.#windows(good)));
      if (round === ROUNDS) await after?.(attacker);
      for (const fault of await attacker.end()) this.failures.push(`${name}: ${fault}`);
      did = attacker.figures;
    }
    good.close();
    this.#compare(name, quiet, under);
    this.figures[`${name}: the last attacker`] = Object.entries(did)
      .map(([what, count]) => `${count} ${what}`)
      .join(', ');
  }

  async #windows(good: GoodClients): Promise<Measured[]> {
    const windows: Measured[] = [];
    while (windows.length < WINDOWS) windows.push(await good.measure(this.#options.seconds / WINDOWS));
    return windows;
  }

  #compare(name: string, quiet: readonly Measured[], under: readonly Measured[]): void {
    const p99s = (windows: readonly Measured[]) => windows.map(({ p99Ms }) => p99Ms);
    const written = (windows: readonly Measured[]) => {
      const p50s = windows.map(({ p50Ms }) => p50Ms);
      const [low, middle, high] = [0.25, 0.5, 0.75].map((share) => quantile(p99s(windows), share).toFixed(1));
      return `${quantile(p50s, 0.5).toFixed(1)}/${middle} (${low}–${high})`;
    };
    const factor = quantile(p99s(under), 0.5) / quantile(p99s(quiet), 0.5);
    this.figures[`${name}: p50/p99 ms`] = `${written(under)}, quiet ${written(quiet)}`;
    this.figures[`${name}: p99 ×`] = factor.toFixed(2);
    if (factor > P99_FACTOR) this.failures.push(`${name}: p99 ${factor.toFixed(2)} times that of quiet times`);
  }

  /** Changes that are not of the good clients, so far. */
  async foreignChanges(): Promise<number> {
    const { accepted } = await reachedOf(this.#options.server.url);
    return accepted - this.#acceptedBefore - this.#sum('accepted');
  }

  /** Lifts it, and looks at what is left. */
  end(): void {
    this.figures['good changes'] = this.#sum('accepted');
    const counts = {
      ...{ lost: this.#sum('lost'), repeated: this.#sum('repeated'), refused: this.#sum('refused') },
      'streams ended': this.#sum('ended'),
    };
    Object.assign(this.figures, counts);
    for (const [what, count] of Object.entries(counts)) {
      if (count > 0) this.failures.push(`good clients: ${count} ${what}`);
    }
    const gone = this.#pids.filter((pid) => !isRunning(pid));
    this.figures['processes alive'] = `${this.#pids.length - gone.length} of ${this.#pids.length}`;
    if (gone.length > 0) this.failures.push(`processes have ended: ${gone.join()}`);
  }

  #sum(figure: 'accepted' | 'lost' | 'repeated' | 'refused' | 'ended'): number {
    return this.#good.reduce((sum, good) => sum + good[figure], 0);
  }
}

/** Forgets what has expired on one shard, now and then, also while there is no end of changes. */
import type { Clock } from '../clock.ts';
import type { Engine } from '../engine/engine.ts';

/** How often a shard is looked over, and how much of it goes at a time. */
const INTERVAL_MS = 10_000;
const LIMIT = 500;

export class Sweeper {
  readonly #shard: number;
  readonly #engine: Engine;
  readonly #clock: Clock;
  #sweptMs: number;

  constructor(shard: number, { engine, clock }: { readonly engine: Engine; readonly clock: Clock }) {
    this.#shard = shard;
    this.#engine = engine;
    this.#clock = clock;
    this.#sweptMs = clock.elapsedMs();
  }

  /** @returns Whether there is more to forget. */
  async sweepIfDue(token: string): Promise<boolean> {
    if (this.#clock.elapsedMs() - this.#sweptMs < INTERVAL_MS) return false;
    const swept = await this.#engine.sweep(this.#shard, token, LIMIT);
    const isMore = swept.kind === 'swept' && (swept.channels === LIMIT || swept.publishers === LIMIT);
    if (!isMore) this.#sweptMs = this.#clock.elapsedMs();
    return isMore;
  }
}

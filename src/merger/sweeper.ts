/** Forgets what has expired on one shard, now and then, also while there is no end of changes. */
import type { Clock } from '../clock.ts';
import type { Engine, SweepOutcome } from '../engine/engine.ts';

/** How often a shard is looked over, and how much of it goes at a time. */
const INTERVAL_MS = 10_000;
const LIMIT = 200;

export type Swept = Extract<SweepOutcome, { kind: 'swept' }>;

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

  /** @returns What was forgotten, and whether there is more; null when it is not time, or nothing was. */
  async sweepIfDue(token: string): Promise<{ readonly swept: Swept; readonly isMore: boolean } | null> {
    if (this.#clock.elapsedMs() - this.#sweptMs < INTERVAL_MS) return null;
    const swept = await this.#engine.sweep(this.#shard, token, LIMIT);
    const [channels, publishers] = swept.kind === 'swept' ? [swept.channels.length, swept.publishers.length] : [0, 0];
    const isMore = channels === LIMIT || publishers === LIMIT;
    if (!isMore) this.#sweptMs = this.#clock.elapsedMs();
    return swept.kind === 'swept' && channels + publishers > 0 ? { swept, isMore } : null;
  }
}

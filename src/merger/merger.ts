/**
 * The merger: runs the merge of every shard it can get hold of, woken by the engine and, in case a wake was lost, by
 * a slow tick.
 *
 * Running → quiet → stopped. `stop` lets each shard's round finish and then gives its lease back, so that another merger
 * goes on at once instead of waiting for the lease to expire.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Found, Subscription } from '../engine/engine.ts';
import { Memory } from './memory.ts';
import { ShardMerge, type ShardMergeDeps } from './shard-merge.ts';

export type MergerDeps = Omit<ShardMergeDeps, 'memory'>;

export interface Merger {
  /** Resolves when the merge is running. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** A wake is a hint that can be lost: an inbox is looked at this often without one. */
const TICK_MS = 250;

/** For so long a shard is left to others when a newer merger is needed: they look more often. */
const GIVE_WAY_MS = 2_000;

/** What the merge of all shards remembers, about: a quarter of what a pod of k8s/base/merger has. */
const MEMORY_MAX_BYTES = 128 << 20;

export function createMerger(deps: MergerDeps): Merger {
  const { engine, log } = deps;
  const stopping = new AbortController();
  const beat = new Beat();
  const memory = new Memory(MEMORY_MAX_BYTES);
  const bells = Array.from({ length: engine.shards }, () => new Bell());
  let watching: Subscription | null = null;
  let loops: Promise<void>[] = [];

  async function run(shard: number): Promise<void> {
    const merge = new ShardMerge(shard, { ...deps, memory });
    const bell = bells[shard]!;
    let isFailing = false;
    let found: Found | null = null;
    while (!stopping.signal.aborted) {
      // Whatever was rung for so far, this round sees.
      bell.still();
      const result = await merge.round(found).catch((error: unknown) => {
        // Said once for as long as it lasts: a store that is away fails every shard, four times a second.
        log[isFailing ? 'debug' : 'warn']({ shard, err: error }, 'merge interrupted: reading the shard again');
        merge.failed();
        return 'failed' as const;
      });
      isFailing = result === 'failed';
      found = null;
      if (typeof result === 'number') await beat.after(result);
      else if (result === 'outdated') await sleep(GIVE_WAY_MS, undefined, { signal: stopping.signal }).catch(() => {});
      else if (result === 'held') found = await bell.rung(Math.min(TICK_MS, merge.heldMs));
      else if (result !== 'again') found = await bell.rung(TICK_MS);
    }
    await merge.release().catch((error: unknown) => log.warn({ shard, err: error }, 'lease not given back'));
  }

  /** Without wakes the merge only gets slower, so a failure to watch is tried again in the background. */
  async function watch(): Promise<void> {
    while (!stopping.signal.aborted && !watching) {
      watching = await engine.watch((shard, found) => bells[shard]!.ring(found)).catch(() => null);
      if (!watching) await new Bell().rung(TICK_MS);
    }
    if (stopping.signal.aborted) watching?.close();
  }

  return {
    async start() {
      loops = [watch(), ...bells.map((_, shard) => run(shard))];
    },
    async stop() {
      stopping.abort();
      watching?.close();
      for (const bell of bells) bell.ring(null);
      await Promise.all(loops);
    },
  };
}

/** Shards that pause go on together, when the first of them wants to: what they then ask of the store leaves in one piece. */
class Beat {
  #next: Promise<void> | null = null;

  after(ms: number): Promise<void> {
    this.#next ??= sleep(ms).then(() => {
      this.#next = null;
    });
    return this.#next;
  }
}

/** Wakes one sleeper; a ring while nobody sleeps ends the next sleep before it begins, unless the bell is stilled. */
class Bell {
  #wake: (() => void) | null = null;
  #hasRung = false;
  #found: Found | null = null;

  ring(found: Found | null): void {
    this.#hasRung = true;
    this.#found = found;
    this.#wake?.();
  }

  still(): void {
    this.#hasRung = false;
    this.#found = null;
  }

  /** Resolves with what the last ring told. */
  async rung(timeoutMs: number): Promise<Found | null> {
    if (!this.#hasRung) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, timeoutMs);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    const found = this.#found;
    this.#wake = null;
    this.still();
    return found;
  }
}

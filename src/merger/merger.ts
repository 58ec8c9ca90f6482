/**
 * The merger: runs the merge of its share of the shards, woken by the engine and, in case a wake was lost, by a slow tick. Of the
 * others' it watches that they are somebody's.
 *
 * Running → quiet → stopped. `stop` leaves the roll of the mergers, lets each shard's round finish and then gives its lease
 * back, so that another merger goes on at once instead of waiting for the lease to expire. So does who has more than its share.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Found, Subscription } from '../engine/engine.ts';
import { Failures } from './failures.ts';
import { Memory } from './memory.ts';
import { reducerNamed } from './reducers/patterns.ts';
import { Roll, type RollDeps } from './roll.ts';
import { type RoundResult, ShardMerge, type ShardMergeDeps } from './shard-merge.ts';
import { Share } from './share.ts';

export type MergerDeps = Omit<ShardMergeDeps, 'memory' | 'share' | 'keptReducer' | 'onLeft'> & RollDeps;

export interface Merger {
  /** Resolves when the merge is running. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** A wake is a hint that can be lost: an inbox is looked at this often without one. */
const TICK_MS = 250;

/** A shard that is another's is looked at this often: to take it when its lease is over, and in case the news was lost that it is free. */
const HELD_TICK_MS = 1_000;

/** For so long a shard is left to others when a newer merger is needed: they look more often. */
const GIVE_WAY_MS = 2_000;

/** What the merge of all shards remembers, about: a quarter of what a pod of k8s/base/merger has. */
const MEMORY_MAX_BYTES = 128 << 20;

export function createMerger(deps: MergerDeps): Merger {
  const { engine, log, metrics } = deps;
  const stopping = new AbortController();
  const beat = new Beat();
  const memory = new Memory(MEMORY_MAX_BYTES);
  const bells = Array.from({ length: engine.shards }, () => new Bell());
  const failures = new Failures();
  const roll = new Roll(deps, moved);
  const share = new Share(engine.shards, roll, (count) => metrics.shardsHeld.set(count));
  const keptReducer = (name: string) => (roll.isOfOneMind ? undefined : reducerNamed(name));
  const onLeft = () => roll.hurry();
  const merges = bells.map((_, shard) => new ShardMerge(shard, { ...deps, memory, share, keptReducer, onLeft }));
  let wasOfOneMind = true;
  let left: Promise<void> | null = null;
  let watching: Subscription | null = null;
  let loops: Promise<void>[] = [];

  /** Other mergers have come or gone: what is nobody's may be ours now. */
  function moved(): void {
    log.info({ mergers: roll.mergers, shards: share.held }, 'the mergers are others than before');
    if (wasOfOneMind !== roll.isOfOneMind) tellMind();
    for (const shard of bells.keys()) freed(shard);
  }

  function tellMind(): void {
    wasOfOneMind = roll.isOfOneMind;
    if (!wasOfOneMind) {
      log.warn('mergers have different REDUCERS: until all have the same, each channel keeps the reducer that it has');
      return;
    }
    log.info('all mergers have the same REDUCERS');
    for (const merge of merges) merge.settle();
  }

  function freed(shard: number): void {
    if (!merges[shard]!.isOurs) bells[shard]!.ring(null);
  }

  function woken(shard: number, found: Found | null): void {
    if (merges[shard]!.isOurs) bells[shard]!.ring(found);
  }

  /** What is another's goes to it between two rounds. */
  async function turn(merge: ShardMerge, found: Found | null): Promise<RoundResult> {
    const result = await merge.round(found);
    if (!merge.isDueBack) return result;
    await merge.release();
    return 'held';
  }

  async function run(shard: number): Promise<void> {
    const merge = merges[shard]!;
    const bell = bells[shard]!;
    let found: Found | null = null;
    while (!stopping.signal.aborted) {
      // Whatever was rung for so far, this round sees.
      bell.still();
      const result = await turn(merge, found).catch((error: unknown) => {
        const isNews = failures.add(shard, error);
        log[isNews ? 'warn' : 'debug']({ shard, err: error }, 'merge interrupted: reading the shard again');
        merge.failed();
        return 'failed' as const;
      });
      if (result !== 'failed') failures.remove(shard);
      found = null;
      if (typeof result === 'number') await beat.after(result);
      else if (result === 'outdated') await sleep(GIVE_WAY_MS, undefined, { signal: stopping.signal }).catch(() => {});
      else if (result === 'held') found = await bell.rung(Math.min(HELD_TICK_MS, merge.heldMs));
      else if (result !== 'again') found = await bell.rung(TICK_MS);
    }
    await left;
    await merge.release().catch((error: unknown) => log.warn({ shard, err: error }, 'lease not given back'));
  }

  /** Without wakes the merge only gets slower, so a failure to watch is tried again in the background. */
  async function watch(): Promise<void> {
    while (!stopping.signal.aborted && !watching) {
      await new Bell().rung(TICK_MS);
      await tryToWatch();
    }
    if (stopping.signal.aborted) watching?.close();
  }

  async function tryToWatch(): Promise<void> {
    watching = await engine.watch(woken, freed).catch(() => null);
  }

  return {
    async start() {
      // Before the others know that there is one more, who would give shards back to nobody that listens.
      await tryToWatch();
      await roll.start();
      loops = [watch(), ...bells.map((_, shard) => run(shard))];
    },
    async stop() {
      stopping.abort();
      left = roll.leave();
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

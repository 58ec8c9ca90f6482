/**
 * The primaries of a Redis Cluster, and the way of a script to the one that serves its shard.
 *
 * Not ioredis' Cluster: it hides over which connection a command went, which WAIT and ASKING depend on, and it sends
 * again after a lost connection unless that is switched off. Here only an answer that says that nothing ran (MOVED, ASK,
 * TRYAGAIN; `redirect.ts`) is followed; an append whose outcome is unknown is never sent again.
 *
 * What is known of the Cluster is a belief, corrected by whoever contradicts it: a redirect, a lost connection, a
 * failure. After any of these, and now and then without, some nodes are asked who serves what, and most are believed.
 *
 * A primary that stood still while it was replaced does not know it at first, and answers what lay in its sockets. So what comes
 * late, and what comes first after a silence, counts only when the nodes, asked after it, name who gave it still.
 *
 * While a slot is being moved, scripts on its shard that need more keys than are on either side wait (TRYAGAIN): its
 * merge stands still. What is published on the new side reaches its subscribers only after the move, as `missed`.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { EngineUnavailable, EngineUnusable } from '../../../errors.ts';
import type { Away } from '../../engine.ts';
import { logDurability } from '../start/durability.ts';
import { checkClusterNode, checkPrimary } from '../start/start-checks.ts';
import { addressOf, elsewhere, split, type Target } from './addresses.ts';
import { type Argument, call, isSilence, type Reply, reasonOf, type Script } from './calls.ts';
import { closeClient, openClient } from './clients.ts';
import { Lookout } from './lookout.ts';
import type { Primaries } from './primaries.ts';
import { createPrimary, openPrimary, type Primary, type PrimaryOptions } from './primary.ts';
import { type Redirect, redirectOf } from './redirect.ts';
import { Topology } from './topology.ts';
import { askAll, type View, viewOf } from './views.ts';

export interface ClusterOptions extends PrimaryOptions {
  readonly shards: number;
  /** Called when another primary serves a shard than before. */
  rearranged(): void;
}

/** More in a row mean that nodes contradict each other: then it is for the publisher to try again. */
const MAX_REDIRECTS = 8;
const TRY_AGAIN_MS = 25;
/** Less than any Cluster takes to replace a primary that is silent. */
const LATE_MS = 500;
/** Nodes that are asked who serves what, at most, and as many at least where there are. */
const VOICES_MAX = 5;
const VOICES_MIN = 3;

/** Fails with an EngineUnusable when no seed can be reached, or the Cluster cannot be used. */
export async function openCluster(seeds: readonly Target[], options: ClusterOptions): Promise<Primaries> {
  const cluster = new Cluster(seeds, options);
  try {
    await cluster.open();
    return cluster;
  } catch (error) {
    await cluster.close();
    throw error;
  }
}

class Cluster implements Primaries {
  readonly isOne = false;
  readonly #seeds: readonly Target[];
  readonly #options: ClusterOptions;
  readonly #topology: Topology;
  readonly #primaries = new Map<string, Primary>();
  /** How often each has been silent since it was last known to be a primary still. */
  readonly #silences = new Map<string, number>();
  readonly #lookout = new Lookout(() => this.#askAround());
  #isClosed = false;

  constructor(seeds: readonly Target[], options: ClusterOptions) {
    this.#seeds = seeds;
    this.#options = options;
    this.#topology = new Topology(options.shards);
  }

  async open(): Promise<void> {
    await this.#askSeeds(checkClusterNode);
    const owners = new Set<string>();
    for (let shard = 0; shard < this.#options.shards; shard++) {
      const owner = this.#topology.ownerOf(shard);
      if (owner === undefined) throw new EngineUnusable(`No node of this Cluster serves shard ${shard}.`);
      owners.add(owner);
    }
    const opening = [...owners].map(async (owner) => {
      const primary = await openPrimary(elsewhere(this.#seeds[0]!, owner), this.#options);
      this.#primaries.set(owner, primary);
      return checkPrimary(primary, 'cluster', this.#options);
    });
    // All of them, so that `close` finds what was opened.
    await Promise.allSettled(opening);
    logDurability(await Promise.all(opening), this.#options.log);
  }

  run(shard: number, script: Script, keys: string[], args: Argument[]): Promise<Reply> {
    return this.#send(shard, (primary, isAsked) => primary.run(script, keys, args, isAsked));
  }

  append(shard: number, script: Script, keys: string[], args: Argument[]): Promise<Reply> {
    return this.#send(shard, (primary, isAsked) => primary.append(script, keys, args, isAsked));
  }

  lineOf(shard: number) {
    return this.#primaryAt(this.#ownerOf(shard)).line;
  }

  /** Another node may take the place of one. */
  readonly keepsAll = false;

  async ping(): Promise<Away> {
    const owners = Array.from({ length: this.#options.shards }, (_, shard) => this.#ownerOf(shard));
    const asked = new Set(owners);
    const failures = new Map<string, Error>();
    const ask = (owner: string) =>
      this.#primaryAt(owner)
        .ping()
        .catch((error: Error) => void failures.set(owner, error));
    await Promise.all([...asked].map(ask));
    for (const owner of failures.keys()) this.#noteSilence(owner);
    if (failures.size > 0) this.doubt();
    if (failures.size === asked.size) throw failures.values().next().value;
    return new Map(
      owners.flatMap((owner, shard) => {
        const failure = failures.get(owner);
        return failure === undefined ? [] : [[shard, failure]];
      }),
    );
  }

  doubt(): void {
    this.#lookout.doubt();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#lookout.close();
    await Promise.all([...this.#primaries.values()].map((primary) => primary.close()));
  }

  async #send(shard: number, send: (primary: Primary, isAsked: boolean) => Promise<Reply>): Promise<Reply> {
    const deadlineMs = performance.now() + this.#options.commandTimeoutMs;
    let address = this.#ownerOf(shard);
    let isAsked = false;
    for (let redirects = 0; ; ) {
      const primary = this.#primaryAt(address);
      try {
        await primary.connected();
        const sentMs = performance.now();
        const reply = await send(primary, isAsked);
        const isLate = performance.now() - sentMs > LATE_MS;
        if (!isAsked && (isLate || this.#silences.has(address))) await this.#makeSure(shard, address);
        return reply;
      } catch (error) {
        const redirect = redirectOf(error, address);
        redirects = redirect?.kind === 'later' ? 0 : redirects + 1;
        if (redirect === undefined || redirects > MAX_REDIRECTS || performance.now() > deadlineMs) {
          if (isSilence(error)) this.#noteSilence(address);
          this.doubt();
          throw error;
        }
        address = await this.#follow(redirect, shard);
        isAsked = redirect.kind === 'ask';
      }
    }
  }

  #noteSilence(address: string): void {
    this.#silences.set(address, (this.#silences.get(address) ?? 0) + 1);
  }

  /** Fails when the nodes, asked now, name another: what this one did is not in the log that counts. */
  async #makeSure(shard: number, address: string): Promise<void> {
    const silences = this.#silences.get(address);
    await this.#lookout.looked();
    if (this.#ownerOf(shard) !== address) {
      throw new EngineUnavailable(`${address} did not know that another serves shard ${shard} by now`);
    }
    if (this.#silences.get(address) === silences) this.#silences.delete(address);
  }

  async #follow(redirect: Redirect, shard: number): Promise<string> {
    switch (redirect.kind) {
      case 'moved':
        if (this.#topology.moved(redirect.slot, redirect.address)) this.#rearranged();
        this.doubt();
        return redirect.address;
      case 'ask':
        return redirect.address;
      case 'later':
        await sleep(TRY_AGAIN_MS);
        return this.#ownerOf(shard);
    }
  }

  #ownerOf(shard: number): string {
    // `open` has seen to it, and an owner is never forgotten.
    return this.#topology.ownerOf(shard)!;
  }

  #primaryAt(address: string): Primary {
    let primary = this.#primaries.get(address);
    if (primary === undefined) {
      primary = createPrimary(elsewhere(this.#seeds[0]!, address), this.#options);
      this.#primaries.set(address, primary);
    }
    return primary;
  }

  /** Asks some nodes at once, and the seeds when none of those that were known answers. */
  async #askAround(): Promise<void> {
    const voices = this.#voices();
    const isEnough = (views: readonly View[]) => this.#topology.isAgreed(views, voices.length);
    // Who is away says nothing, which is why we ask around.
    const views = await askAll(voices, (address) => this.#viewOf(address), isEnough);
    if (views.length > 0 || this.#isClosed) return this.#learn(views);
    // None of those we knew: all may have got other addresses.
    await this.#askSeeds().catch((error) => {
      this.#options.log.warn({ reason: reasonOf(error as Error) }, 'no node of the Cluster answers');
    });
  }

  /** Those that serve us, and where these are few others, so that one that does not know that it was replaced is outvoted. */
  #voices(): string[] {
    const connected = [...this.#primaries].slice(0, VOICES_MAX);
    // Next time others come first.
    for (const [address, primary] of connected) {
      this.#primaries.delete(address);
      this.#primaries.set(address, primary);
    }
    const own = connected.map(([address]) => address);
    const others = [...this.#topology.primaries].filter((address) => !this.#primaries.has(address));
    return [...own, ...others.slice(0, Math.max(0, VOICES_MIN - own.length))];
  }

  /** What a node says, over the connection that there is or one for this. */
  async #viewOf(address: string): Promise<View> {
    const primary = this.#primaries.get(address);
    if (primary) return viewOf(await call(primary.main, 'cluster', ['slots']), split(address)[0]);
    return this.#viewOfSeed(elsewhere(this.#seeds[0]!, address));
  }

  async #viewOfSeed(target: Target, check?: typeof checkClusterNode): Promise<View> {
    const { log, commandTimeoutMs } = this.#options;
    const seed = await openClient({ target, name: 'seed', commandTimeoutMs, log });
    try {
      await check?.(seed, addressOf(target));
      return viewOf(await call(seed, 'cluster', ['slots']), split(addressOf(target))[0]);
    } finally {
      await closeClient(seed);
    }
  }

  async #askSeeds(check?: typeof checkClusterNode): Promise<void> {
    let failure: unknown;
    for (const target of this.#seeds) {
      try {
        return this.#learn([await this.#viewOfSeed(target, check)]);
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  }

  #learn(views: readonly View[]): void {
    if (this.#isClosed) return;
    const isNews = this.#topology.learn(views);
    const { primaries } = this.#topology;
    for (const [address, primary] of this.#primaries) {
      if (primaries.has(address)) continue;
      this.#primaries.delete(address);
      this.#silences.delete(address);
      void primary.close();
    }
    if (isNews) this.#rearranged();
  }

  #rearranged(): void {
    const { log, shards, rearranged } = this.#options;
    const owners = new Set(Array.from({ length: shards }, (_, shard) => this.#ownerOf(shard)));
    log.info({ primaries: [...owners] }, 'the Cluster serves the shards from these primaries');
    rearranged();
  }
}

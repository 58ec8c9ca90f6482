/**
 * All hubs of a gateway: one per channel that somebody reads, kept a while after the last reader has gone.
 *
 * Three limits are kept here: all rings together stay under one byte budget; a hub without readers goes after half a
 * minute, or sooner where there are many, and at once where all it had were passing looks; and hubs are
 * compared with the store in turn (`comparer.ts`), in case the news of their last event was lost and nothing ever follows it.
 */
import type { Clock } from '../../clock.ts';
import { type Channel, shardOf } from '../../domain/channel.ts';
import type { Event } from '../../domain/event.ts';
import type { Engine, Histories } from '../../engine/engine.ts';
import { EngineUnavailable } from '../../errors.ts';
import type { Logger } from '../../log.ts';
import type { Metrics } from '../../metrics.ts';
import type { Turns } from '../turns.ts';
import { createComparer } from './comparer.ts';
import { Hub } from './hub.ts';
import type { HubDeps } from './hub-deps.ts';
import { createPageSlots } from './hub-pages.ts';
import { RingBudget } from './ring-budget.ts';
import { Snapshots } from './snapshots.ts';

export interface HubsDeps {
  readonly engine: Engine;
  /** Default: the engine. */
  readonly histories?: Histories;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Pick<Metrics, 'hubs' | 'idleHubs' | 'ringBytes' | 'keptStateBytes'>;
  /** Budget of all rings together, bytes. */
  readonly ringMaxBytes: number;
  readonly turns: Turns;
  /** How many share the store, as far as is known. */
  readonly gateways: () => number;
}

/** A channel that is left is often come back to: a reload, the next track, a tunnel. */
const IDLE_MS = 30_000;
/** Hubs kept so, some 2 KB each and a subscription of the store: who reads more names than that in half a minute comes back to few. */
const IDLE_MAX = 10_000;
/** Of each look at the idle hubs a fiftieth has its turn, which is every 5 s each. */
const TICK_MS = 100;
const SHARE = 50;

/** The part of the budget that one ring may have: one channel of large changes leaves room for the others. */
const RING_SHARE = 4;

interface Held {
  readonly hub: Hub;
  readers: number;
  /** Whether it had a reader that stays, or may come back. */
  isWorthKeeping: boolean;
  idleSinceMs: number;
}

export interface Hubs {
  /** The states of their channels, and of any other. */
  readonly snapshots: Snapshots;
  /** The hub of a channel, opened. Every `acquire` needs one `release`. Rejects when the engine does not answer. */
  acquire(channel: Channel): Promise<Hub>;
  /** @param wasBrief Its reader only looked in passing: for such alone no hub is kept. */
  release(hub: Hub, wasBrief?: boolean): void;
  /** Something else grew or shrank by so many bytes that shares the budget of the rings. */
  account(bytes: number): void;
  /** While its shard is known to be away, nobody is told where a channel is: a hub that is open might say so. */
  storeIs(away: ReadonlySet<number>): void;
  close(): void;
}

export function createHubs({
  engine,
  histories = engine,
  clock,
  log,
  metrics,
  ringMaxBytes,
  turns,
  gateways,
}: HubsDeps): Hubs {
  const held = new Map<Channel, Held>();
  /** Those without a reader, the one that has been for longest first. */
  const idle = new Set<Held>();
  let awayShards: ReadonlySet<number> = new Set();
  const isAway = (channel: Channel) => awayShards.size > 0 && awayShards.has(shardOf(channel, engine.shards));
  const budget = new RingBudget(ringMaxBytes);
  const snapshots = new Snapshots(engine, isAway);
  const onError = (shard: number, err: unknown) => log.debug({ shard, err }, 'hubs cannot be compared');
  const comparer = createComparer({ engine, turns, gateways, onError });

  const deps: HubDeps = {
    engine,
    histories,
    account: (bytes, hub) => budget.settled(bytes, hub),
    ringMaxBytes: ringMaxBytes / RING_SHARE,
    pages: createPageSlots(),
    snapshots,
    comparer,
    isAway,
    onError: (channel, error) => log.debug({ channel, err: error }, 'hub cannot compare: the store is away'),
    ...(log.isLevelEnabled('debug') && { onEvents: traced }),
  };

  function traced(channel: Channel, events: readonly Event[]): void {
    for (const { trace, offset } of events) if (trace) log.debug({ trace, channel, offset }, 'event passed on');
  }

  function open(channel: Channel): Held {
    const entry = { hub: new Hub(channel, deps), readers: 0, isWorthKeeping: false, idleSinceMs: 0 };
    held.set(channel, entry);
    return entry;
  }

  function tick(): void {
    removeIdle();
    comparer.pass(TICK_MS);
    metrics.hubs.set(held.size);
    metrics.idleHubs.set(idle.size);
    metrics.ringBytes.set(budget.bytes);
    metrics.keptStateBytes.set(snapshots.bytes);
  }

  /** Over the budget of the rings, which have given up all they could by then, an idle one is kept for nobody. */
  function removeIdle(): void {
    const idleBeforeMs = clock.elapsedMs() - IDLE_MS;
    let turns = Math.ceil(held.size / SHARE);
    for (const { hub, idleSinceMs } of idle) {
      if (!budget.isExceeded && (turns-- === 0 || idleSinceMs > idleBeforeMs)) break;
      remove(hub);
    }
  }

  function makeIdle(entry: Held): void {
    entry.idleSinceMs = clock.elapsedMs();
    idle.add(entry);
    if (idle.size <= IDLE_MAX) return;
    const [oldest] = idle;
    remove(oldest!.hub);
  }

  function remove(hub: Hub): void {
    hub.close();
    const entry = held.get(hub.channel);
    if (entry?.hub !== hub) return;
    held.delete(hub.channel);
    idle.delete(entry);
  }

  const timer = setInterval(tick, TICK_MS);

  return {
    snapshots,
    async acquire(channel) {
      if (isAway(channel)) throw new EngineUnavailable('the store is away');
      let entry = held.get(channel);
      if (!entry || entry.hub.isClosed) entry = open(channel);
      entry.readers++;
      if (idle.delete(entry)) entry.hub.prefer();
      try {
        await entry.hub.opened;
      } catch (error) {
        remove(entry.hub);
        throw error;
      }
      return entry.hub;
    },
    release(hub, wasBrief = false) {
      const entry = held.get(hub.channel);
      if (entry?.hub !== hub) return;
      entry.readers--;
      entry.isWorthKeeping ||= !wasBrief;
      if (entry.readers > 0) return;
      if (entry.isWorthKeeping) makeIdle(entry);
      else remove(hub);
    },
    storeIs(away) {
      awayShards = away;
    },
    account: (bytes) => budget.shared(bytes),
    close() {
      clearInterval(timer);
      comparer.close();
      for (const { hub } of held.values()) hub.close();
      held.clear();
      idle.clear();
    },
  };
}

/** Holds the hubs of one reader of several channels, all or none. */
export async function acquireAll(hubs: Hubs, channels: readonly Channel[]): Promise<Hub[]> {
  const results = await Promise.allSettled(channels.map((channel) => hubs.acquire(channel)));
  const failed = results.find((result) => result.status === 'rejected');
  const acquired = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  if (!failed) return acquired;
  for (const hub of acquired) hubs.release(hub, true);
  throw failed.reason;
}

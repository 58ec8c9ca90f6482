/**
 * All hubs of a gateway: one per channel that somebody reads, kept a while after the last reader has gone.
 *
 * Three limits are kept here: all rings together stay under one byte budget; a hub without readers goes after half a
 * minute; and silent hubs are compared with the store in turn, at a bounded pace, in case the news of their last event was
 * lost and nothing ever follows it.
 */
import type { Clock } from '../../clock.ts';
import type { Channel } from '../../domain/channel.ts';
import type { Event } from '../../domain/event.ts';
import type { Engine } from '../../engine/engine.ts';
import type { Logger } from '../../log.ts';
import { Hub, type HubDeps, type HubReader } from './hub.ts';
import { createPageSlots } from './hub-pages.ts';
import { RingBudget } from './ring-budget.ts';

export interface HubsDeps {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly log: Logger;
  /** Budget of all rings together, bytes. */
  readonly ringMaxBytes: number;
  /** Reads a second that comparing may take. */
  readonly comparesPerS: number;
}

/** A channel that is left is often come back to: a reload, the next track, a tunnel. */
const IDLE_MS = 30_000;
/** Of each look at the hubs a fiftieth has its turn, which is every 5 s each. Comparing may take longer to come round. */
const TICK_MS = 100;
const SHARE = 50;

/** The part of the budget that one ring may have: one channel of large changes leaves room for the others. */
const RING_SHARE = 4;

interface Held {
  readonly hub: Hub;
  readers: number;
  idleSinceMs: number;
}

export interface Hubs {
  /** The hub of a channel, opened. Every `acquire` needs one `release`. Rejects when the engine does not answer. */
  acquire(channel: Channel): Promise<Hub>;
  release(hub: Hub): void;
  close(): void;
}

export function createHubs({ engine, clock, log, ringMaxBytes, comparesPerS }: HubsDeps): Hubs {
  const held = new Map<Channel, Held>();
  const budget = new RingBudget(ringMaxBytes);
  /** Reads that may be made by now. */
  let comparesDue = 0;
  const nextToCompare = inTurn(held);
  const nextToLeave = inTurn(held);

  const deps: HubDeps = {
    engine,
    account: (bytes, hub) => budget.settled(bytes, hub),
    ringMaxBytes: ringMaxBytes / RING_SHARE,
    pages: createPageSlots(),
    onError: (channel, error) => log.debug({ channel, err: error }, 'hub cannot compare: the store is away'),
    ...(log.isLevelEnabled('debug') && { onEvents: traced }),
  };

  function traced(channel: Channel, events: readonly Event[]): void {
    for (const { trace, offset } of events) if (trace) log.debug({ trace, channel, offset }, 'event passed on');
  }

  function open(channel: Channel): Held {
    const entry = { hub: new Hub(channel, deps), readers: 0, idleSinceMs: 0 };
    held.set(channel, entry);
    return entry;
  }

  function tick(): void {
    removeIdle();
    compare();
  }

  function removeIdle(): void {
    const idleBeforeMs = clock.elapsedMs() - IDLE_MS;
    for (let i = Math.ceil(held.size / SHARE); i > 0; i--) {
      const entry = nextToLeave();
      if (entry?.readers === 0 && entry.idleSinceMs <= idleBeforeMs) remove(entry.hub);
    }
  }

  function compare(): void {
    comparesDue += (comparesPerS * TICK_MS) / 1000;
    const count = Math.min(Math.floor(comparesDue), Math.ceil(held.size / SHARE));
    // What was not needed is not saved up, but for the part of a read that one tick is too short for.
    comparesDue = Math.min(1, comparesDue - count);
    for (let i = 0; i < count; i++) {
      const entry = nextToCompare();
      if (entry?.hub.wasSilent()) entry.hub.suspect();
    }
  }

  function remove(hub: Hub): void {
    hub.close();
    if (held.get(hub.channel)?.hub === hub) held.delete(hub.channel);
  }

  const timer = setInterval(tick, TICK_MS);

  return {
    async acquire(channel) {
      let entry = held.get(channel);
      if (!entry || entry.hub.isClosed) entry = open(channel);
      entry.readers++;
      try {
        await entry.hub.opened;
      } catch (error) {
        remove(entry.hub);
        throw error;
      }
      return entry.hub;
    },
    release(hub) {
      const entry = held.get(hub.channel);
      if (entry?.hub !== hub) return;
      entry.readers--;
      entry.idleSinceMs = clock.elapsedMs();
    },
    close() {
      clearInterval(timer);
      for (const { hub } of held.values()) hub.close();
      held.clear();
    },
  };
}

/** One after the other, round and round, whoever comes and goes meanwhile. */
function inTurn<T>(all: ReadonlyMap<unknown, T>): () => T | undefined {
  let turn = all.values();
  return () => {
    let next = turn.next();
    if (next.done) {
      turn = all.values();
      next = turn.next();
    }
    return next.done ? undefined : next.value;
  };
}

/** Holds the hubs of one reader of several channels, all or none. */
export async function acquireAll(hubs: Hubs, channels: readonly Channel[]): Promise<Hub[]> {
  const results = await Promise.allSettled(channels.map((channel) => hubs.acquire(channel)));
  const failed = results.find((result) => result.status === 'rejected');
  const acquired = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  if (!failed) return acquired;
  for (const hub of acquired) hubs.release(hub);
  throw failed.reason;
}

/** Resolves when any of the hubs has more, or after so many milliseconds. */
export async function anyAdvanced(hubs: readonly Hub[], timeoutMs: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(done, timeoutMs);
    const reader: HubReader = { advanced: done, restarted: done };
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      for (const hub of hubs) hub.readers.delete(reader);
      resolve();
    }
    signal.addEventListener('abort', done);
    for (const hub of hubs) hub.readers.add(reader);
  });
}

/**
 * The engine of a single process: everything in memory, nothing else to install.
 *
 * It keeps the contract of `../engine.ts` to the letter, so that what is built on it works on Redis unchanged. It promises
 * as much durability as a process has: what it accepted is there until the process ends. A method that changes a
 * shard runs in one synchronous block, which is what makes it atomic here.
 */
import { type Clock, systemClock } from '../../clock.ts';
import { type Channel, shardOf } from '../../domain/channel.ts';
import { newEpoch } from '../../domain/position.ts';
import type { StateField } from '../../domain/state.ts';
import {
  type AppendOutcome,
  type Engine,
  type EngineOptions,
  type InboxEntry,
  type Lease,
  LOAD_MAX_BYTES,
  LOAD_STATE_MAX_BYTES,
  type LoadWish,
  type Peek,
  type PeekLimits,
  READ_MAX_BYTES,
} from '../engine.ts';
import { NOTHING_ERASED } from '../erasing.ts';
import { markArchived, unarchivedOf } from './archiving.ts';
import { heldOf, planErase } from './erasing.ts';
import { Rolls } from './rolls.ts';
import {
  boundsOf,
  changesSince,
  createShard,
  epochFor,
  groupByShard,
  isMissing,
  pageOf,
  type Shard,
  tailsOf,
  weigh,
} from './shard.ts';
import { dated, ownedBy, publisherName, Steps } from './steps.ts';
import { sweptOf } from './sweeps.ts';

export function createMemoryEngine(options: EngineOptions, clock: Clock = systemClock): Engine {
  return engineOn(new Steps(Array.from({ length: options.shards }, createShard), options), options, clock);
}

/** @param steps On the shards, which may have been filled before. */
export function engineOn(steps: Steps, options: EngineOptions, clock: Clock): Engine {
  const { shards } = steps;
  const rolls = new Rolls();
  const ofChannel = (channel: Channel) => shards[shardOf(channel, shards.length)]!;

  return {
    shards: options.shards,
    shardsFailApart: false,

    async append(changes) {
      const outcomes = new Map<number, AppendOutcome>();
      for (const [index, batch] of groupByShard(changes, options.shards)) {
        const isFull = steps.isFull(index);
        outcomes.set(index, isFull ? 'full' : 'accepted');
        if (!isFull) steps.take(index, ownedBy(batch));
      }
      return changes.map(({ channel }) => outcomes.get(shardOf(channel, options.shards))!);
    },

    async peek(index, lease, limits) {
      return peekAt(shards[index]!, lease, limits, clock.elapsedMs());
    },

    async load(index, wanted) {
      return { rev: shards[index]!.rev, channels: loadFrom(shards[index]!, wanted) };
    },

    async commit(index, commit) {
      const reason = steps.refusalOf(index, commit);
      if (reason !== null) return { kind: 'refused', reason };
      const nowMs = clock.elapsedMs();
      return steps.commit(index, dated(commit, nowMs), nowMs);
    },

    async release(index, token) {
      if (steps.holds(index, token)) steps.free(index);
    },

    async sweep(index, token, limit) {
      if (!steps.holds(index, token)) return { kind: 'refused', reason: 'lease' };
      const found = steps.sweepable(index, limit, clock.elapsedMs());
      steps.sweep(index, found);
      return sweptOf(shards[index]!, found);
    },

    async readHistory(channel, after, limit, maxBytes = READ_MAX_BYTES) {
      return { ...pageOf(ofChannel(channel), channel, after, limit, maxBytes), clockMs: clock.elapsedMs() };
    },

    readChanges: async (index, since, limit) => changesSince(shards[index]!, since, limit),
    readTails: async (index, wanted, limit, maxBytes) => tailsOf(shards[index]!, wanted, limit, maxBytes),
    readUnarchived: async (index, afterRev, limit) => unarchivedOf(shards[index]!, afterRev, limit),
    markArchived: async (index, archived) => markArchived(shards[index]!, archived, options.historyMaxEvents),
    async readInbox(index, token, behind, limits) {
      return steps.holds(index, token) ? entriesOf(shards[index]!, behind, limits) : null;
    },
    // It never comes back with less.
    refill: async () => ({ kind: 'refused', reason: 'rev' }),

    async erase(index, erasure) {
      const shard = shards[index]!;
      const { channel, epoch } = erasure;
      if (boundsOf(shard, channel).epoch !== epoch) return null;
      const plan = planErase(shard, erasure, heldOf(shard, erasure));
      if (plan === null) return NOTHING_ERASED;
      steps.erase(index, plan, clock.elapsedMs());
      return plan.done;
    },

    async eraseWaiting(index, name) {
      return steps.waitingWithout(index, name) === null ? 0 : steps.eraseWaiting(index, name);
    },
    scrub: async () => {},

    async readState(channel) {
      const { epoch, head } = boundsOf(ofChannel(channel), channel);
      return { epoch, offset: head, state: new Map(ofChannel(channel).logs.get(channel)?.state) };
    },

    async readProgress(index) {
      const { merged, inbox } = shards[index]!;
      return { merged, accepted: merged + inbox.length };
    },

    subscribe: async (channel, observer) => steps.observe(channel, observer),
    watch: async (onWake, onFree) => steps.watch(onWake, onFree),

    async renew(index, epoch, evidence) {
      const shard = shards[index]!;
      if (epochFor(shard, evidence) !== epoch || !isMissing(shard, evidence)) {
        return { kind: 'kept', epoch: epochFor(shard, evidence) };
      }
      steps.renew(index, newEpoch());
      return { kind: 'renewed', epoch: epochFor(shard, evidence) };
    },

    gather: async (roll, member, figure, ttlMs) => rolls.gather(roll, member, figure, ttlMs, clock.elapsedMs()),
    ping: async () => new Map(),
    close: async () => steps.end(),
  };
}

function peekAt(shard: Shard, lease: Lease, limits: PeekLimits, nowMs: number): Peek {
  if (shard.holder && shard.holder.token !== lease.token && shard.holder.untilMs > nowMs) {
    return { kind: 'held', remainingMs: Math.ceil(shard.holder.untilMs - nowMs) };
  }
  if (shard.holder?.token !== lease.token && lease.takes === false) return { kind: 'free' };
  shard.holder = { token: lease.token, untilMs: nowMs + lease.ms };
  const { epoch, rev, events } = shard;
  return { kind: 'entries', epoch, rev, events, waiting: shard.inbox.length, entries: entriesOf(shard, 0, limits) };
}

function entriesOf({ inbox }: Shard, behind: number, limits: PeekLimits): InboxEntry[] {
  const entries: InboxEntry[] = [];
  let bytes = 0;
  for (let i = behind; i < inbox.length && entries.length < limits.maxEntries && bytes <= limits.maxBytes; i++) {
    const change = inbox[i]!;
    entries.push({ kind: 'change', change });
    bytes += weigh(change);
  }
  return entries;
}

function loadFrom(shard: Shard, wanted: readonly LoadWish[]) {
  let bytesOfAll = 0;
  return wanted.map(({ channel, froms, withState }) => {
    const log = shard.logs.get(channel);
    const bytes = (withState && log?.stateBytes) || 0;
    const fits = bytes <= LOAD_STATE_MAX_BYTES && bytesOfAll + bytes <= LOAD_MAX_BYTES;
    if (fits) bytesOfAll += bytes;
    return {
      head: log?.history.head ?? null,
      reducer: log?.reducer ?? null,
      ...(log && log.fold > 0 ? { fold: log.fold } : {}),
      state: fits ? new Map<string, StateField>(withState ? log?.state : undefined) : null,
      seqs: froms.map((from) => shard.publishers.get(publisherName(channel, from))?.seq ?? 0),
    };
  });
}

/**
 * The engine of a single process: everything in memory, nothing else to install.
 *
 * It keeps the contract of `engine.ts` to the letter, so that what is built on it works on Redis unchanged. It promises
 * as much durability as a process has: what it accepted is there until the process ends. A method that changes a
 * shard runs in one synchronous block, which is what makes it atomic here.
 */
import { type Clock, systemClock } from '../clock.ts';
import { copyOf } from '../domain/bytes.ts';
import { type Channel, shardOf } from '../domain/channel.ts';
import { History } from '../domain/history.ts';
import { channelEpoch, type Epoch, newEpoch, type Position } from '../domain/position.ts';
import type { StateField } from '../domain/state.ts';
import type { Changes, Mark, Tail } from './comparing.ts';
import {
  type AppendOutcome,
  type ChannelCommit,
  type ChannelObserver,
  type Commit,
  type CommitOutcome,
  type DatedPage,
  type Engine,
  type EngineOptions,
  type Evidence,
  type InboxEntry,
  type Lease,
  LOAD_MAX_BYTES,
  LOAD_STATE_MAX_BYTES,
  type Loaded,
  type LoadWish,
  type Peek,
  type PeekLimits,
  READ_MAX_BYTES,
  type RenewOutcome,
  type Snapshot,
  type Subscription,
  type SweepOutcome,
} from './engine.ts';
import {
  isArchived,
  isBehind,
  isTooFarBehind,
  markArchived,
  noteBacklog,
  trim,
  unarchivedOf,
} from './memory-archiving.ts';
import { Rolls } from './memory-rolls.ts';
import {
  boundsOf,
  changesSince,
  createShard,
  forget,
  groupByShard,
  isMissing,
  oldestWhile,
  pageOf,
  type Shard,
  tailsOf,
  weigh,
} from './memory-shard.ts';

export function createMemoryEngine(options: EngineOptions, clock: Clock = systemClock): Engine {
  const shards = Array.from({ length: options.shards }, createShard);
  const watchers = new Set<Watcher>();
  const observers = new Map<Channel, Set<ChannelObserver>>();
  const rolls = new Rolls();

  /** News travels after the step that made it, in order, and never runs inside a caller's own block. */
  function tell(channel: Channel, news: (observer: ChannelObserver) => void): void {
    if (!observers.has(channel)) return;
    queueMicrotask(() => {
      for (const observer of observers.get(channel) ?? []) news(observer);
    });
  }

  function holds(shard: Shard, token: string): boolean {
    return shard.holder?.token === token;
  }

  /** An offset is born here: whatever the merger worked out stands only because every check of `commit` has held. */
  function write(shard: Shard, commit: ChannelCommit): void {
    const now = clock.elapsedMs();
    for (const [from, seq] of commit.seqs) {
      const name = `${commit.channel} ${from}`;
      shard.publishers.delete(name);
      shard.publishers.set(name, { seq, expiresMs: now + options.dedupeTtlMs });
    }
    if (commit.events.length === 0) return;
    let log = shard.logs.get(commit.channel);
    if (!log) {
      const history = new History(commit.events[0]!.offset - 1);
      log = {
        base: history.head,
        history,
        state: new Map(),
        stateBytes: 0,
        reducer: commit.reducer,
        fold: 0,
        usedMs: now,
        rev: 0,
        archived: history.head,
        archivedFrom: 0,
      };
    }
    shard.logs.delete(commit.channel);
    shard.logs.set(commit.channel, log);
    const events = commit.events.map((event) => ({ ...event, mergedAfterMs: Math.round(now - event.atMs) }));
    log.history.append(events);
    noteBacklog(shard, events);
    trim(shard, log, options.historyMaxEvents);
    if (commit.refold !== undefined) {
      log.state.clear();
      log.fold = commit.refold;
    }
    for (const [field, value] of commit.state) log.state.set(field, value);
    log.stateBytes = commit.stateBytes;
    log.reducer = commit.reducer;
    log.usedMs = now;
    log.rev = shard.rev + 1;
    const epoch = channelEpoch(shard.epoch, log.fold);
    tell(commit.channel, (observer) => observer.published(epoch, events));
  }

  return {
    shards: options.shards,
    shardsFailApart: false,

    async append(changes) {
      const full = new Set<number>();
      for (const [index, batch] of groupByShard(changes, options.shards)) {
        const shard = shards[index]!;
        const isFull = shard.inbox.length >= options.inboxMaxEntries || shard.inboxBytes >= options.inboxMaxBytes;
        if (isFull || isBehind(shard)) {
          full.add(index);
          continue;
        }
        const wasEmpty = shard.inbox.length === 0;
        for (const change of batch) shard.inboxBytes += weigh(change);
        for (const change of batch) shard.inbox.push({ ...change, bytes: copyOf(change.bytes) });
        if (wasEmpty) queueMicrotask(() => watchers.forEach(({ onWake }) => void onWake(index, null)));
      }
      return changes.map(
        (change): AppendOutcome => (full.has(shardOf(change.channel, options.shards)) ? 'full' : 'accepted'),
      );
    },

    async peek(index: number, lease: Lease, limits: PeekLimits): Promise<Peek> {
      const shard = shards[index]!;
      const now = clock.elapsedMs();
      if (shard.holder && shard.holder.token !== lease.token && shard.holder.untilMs > now) {
        return { kind: 'held', remainingMs: Math.ceil(shard.holder.untilMs - now) };
      }
      if (shard.holder?.token !== lease.token && lease.takes === false) return { kind: 'free' };
      shard.holder = { token: lease.token, untilMs: now + lease.ms };
      const { epoch, rev, events } = shard;
      const entries: InboxEntry[] = [];
      let bytes = 0;
      for (const change of shard.inbox) {
        if (entries.length >= limits.maxEntries || bytes > limits.maxBytes) break;
        entries.push({ kind: 'change', change });
        bytes += weigh(change);
      }
      return { kind: 'entries', epoch, rev, events, waiting: shard.inbox.length, entries };
    },

    async load(index: number, wanted: readonly LoadWish[]): Promise<Loaded> {
      const shard = shards[index]!;
      let bytesOfAll = 0;
      const channels = wanted.map(({ channel, froms, withState }) => {
        const log = shard.logs.get(channel);
        const bytes = (withState && log?.stateBytes) || 0;
        const fits = bytes <= LOAD_STATE_MAX_BYTES && bytesOfAll + bytes <= LOAD_MAX_BYTES;
        if (fits) bytesOfAll += bytes;
        return {
          head: log?.history.head ?? null,
          reducer: log?.reducer ?? null,
          ...(log && log.fold > 0 ? { fold: log.fold } : {}),
          state: fits ? new Map<string, StateField>(withState ? log?.state : undefined) : null,
          seqs: froms.map((from) => shard.publishers.get(`${channel} ${from}`)?.seq ?? 0),
        };
      });
      return { rev: shard.rev, channels };
    },

    async commit(index: number, commit: Commit): Promise<CommitOutcome> {
      const shard = shards[index]!;
      if (!holds(shard, commit.token)) return { kind: 'refused', reason: 'lease' };
      if (shard.rev !== commit.rev) return { kind: 'refused', reason: 'rev' };
      if (isTooFarBehind(shard)) return { kind: 'refused', reason: 'backlog' };
      for (const { channel, head } of commit.channels) {
        if ((shard.logs.get(channel)?.history.head ?? null) !== head) return { kind: 'refused', reason: 'head' };
      }
      for (const channelCommit of commit.channels) write(shard, channelCommit);
      for (const { events } of commit.channels) shard.events += events.length;
      shard.rev++;
      for (const change of shard.inbox.splice(0, commit.entries)) shard.inboxBytes -= weigh(change);
      return { kind: 'committed', rev: shard.rev, events: shard.events, waiting: shard.inbox.length };
    },

    async release(index: number, token: string): Promise<void> {
      if (shards[index]!.holder?.token !== token) return;
      shards[index]!.holder = null;
      queueMicrotask(() => watchers.forEach(({ onFree }) => void onFree?.(index)));
    },

    async sweep(index: number, token: string, limit: number): Promise<SweepOutcome> {
      const shard = shards[index]!;
      if (!holds(shard, token)) return { kind: 'refused', reason: 'lease' };
      const now = clock.elapsedMs();
      const expired = oldestWhile(shard.publishers, limit, ({ expiresMs }) => expiresMs <= now);
      for (const name of expired) shard.publishers.delete(name);
      const publishers = expired.map((name) => name.split(' ') as [Channel, string]);
      const idle = oldestWhile(shard.logs, limit, ({ usedMs }) => usedMs + options.channelIdleMs <= now);
      const channels = idle.filter((channel) => isArchived(shard, shard.logs.get(channel)!));
      // The last position of a channel must not be one of the channel that may come after it.
      if (channels.length > 0) shard.events++;
      for (const channel of channels) forget(shard, channel);
      if (publishers.length + channels.length > 0) shard.rev++;
      return { kind: 'swept', channels, publishers, rev: shard.rev, events: shard.events };
    },

    async readHistory(
      channel: Channel,
      after: Position | null,
      limit: number,
      maxBytes: number = READ_MAX_BYTES,
    ): Promise<DatedPage> {
      const page = pageOf(shards[shardOf(channel, options.shards)]!, channel, after, limit, maxBytes);
      return { ...page, clockMs: clock.elapsedMs() };
    },

    async readChanges(index: number, since: Mark | null, limit: number): Promise<Changes> {
      return changesSince(shards[index]!, since, limit);
    },

    async readTails(index: number, wanted: readonly Tail[], limit: number, maxBytes: number) {
      return tailsOf(shards[index]!, wanted, limit, maxBytes);
    },

    readUnarchived: async (index, afterRev, limit) => unarchivedOf(shards[index]!, afterRev, limit),
    markArchived: async (index, archived) => markArchived(shards[index]!, archived, options.historyMaxEvents),

    async readState(channel: Channel): Promise<Snapshot> {
      const shard = shards[shardOf(channel, options.shards)]!;
      const { epoch, head } = boundsOf(shard, channel);
      return { epoch, offset: head, state: new Map(shard.logs.get(channel)?.state) };
    },

    async subscribe(channel: Channel, observer: ChannelObserver): Promise<Subscription> {
      const known = observers.get(channel) ?? new Set();
      observers.set(channel, known.add(observer));
      return {
        close() {
          known.delete(observer);
          if (known.size === 0 && observers.get(channel) === known) observers.delete(channel);
        },
      };
    },

    async watch(onWake: Watcher['onWake'], onFree?: Watcher['onFree']): Promise<Subscription> {
      const watcher = { onWake, onFree };
      watchers.add(watcher);
      return { close: () => void watchers.delete(watcher) };
    },

    async renew(index: number, epoch: Epoch, evidence: Evidence): Promise<RenewOutcome> {
      const shard = shards[index]!;
      const epochNow = () => ('channel' in evidence ? boundsOf(shard, evidence.channel).epoch : shard.epoch);
      if (epochNow() !== epoch || !isMissing(shard, evidence)) return { kind: 'kept', epoch: epochNow() };
      shard.epoch = newEpoch();
      shard.rev++;
      for (const channel of observers.keys()) {
        if (shardOf(channel, options.shards) === index) tell(channel, (observer) => observer.suspect());
      }
      return { kind: 'renewed', epoch: epochNow() };
    },

    gather: async (roll, member, figure, ttlMs) => rolls.gather(roll, member, figure, ttlMs, clock.elapsedMs()),

    async ping() {
      return new Map();
    },

    async close(): Promise<void> {
      observers.clear();
      watchers.clear();
    },
  };
}

interface Watcher {
  readonly onWake: Parameters<Engine['watch']>[0];
  readonly onFree: Parameters<Engine['watch']>[1];
}

/**
 * The steps that change a shard of the memory engine, and the news that travels after each. None of them can fail, and none looks
 * first whether it may be taken: an engine does, in the same block, or with nothing of that shard between (`../durable/`).
 */
import { copyOf } from '../../domain/bytes.ts';
import { type Change, erasedChange, isOf } from '../../domain/change.ts';
import { type Channel, shardOf } from '../../domain/channel.ts';
import { type Event, isErased } from '../../domain/event.ts';
import { History } from '../../domain/history.ts';
import { channelEpoch, type Epoch } from '../../domain/position.ts';
import type {
  ChannelCommit,
  ChannelObserver,
  Commit,
  CommitOutcome,
  Committed,
  Engine,
  EngineOptions,
  Subscription,
} from '../engine.ts';
import { isBehind, isTooFarBehind, noteBacklog, trim } from './archiving.ts';
import type { ErasePlan } from './erasing.ts';
import { forget, type Log, type Shard, weigh } from './shard.ts';
import { type Sweepable, Sweeps } from './sweeps.ts';

export type Refused = Extract<CommitOutcome, { kind: 'refused' }>['reason'];

interface Watcher {
  readonly onWake: Parameters<Engine['watch']>[0];
  readonly onFree: Parameters<Engine['watch']>[1];
}

export class Steps {
  readonly shards: readonly Shard[];
  readonly #options: EngineOptions;
  readonly #watchers = new Set<Watcher>();
  readonly #observers = new Map<Channel, Set<ChannelObserver>>();

  readonly #keepsAll: boolean;
  readonly #sweeps: Sweeps;

  /** @param keepsAll Whether what a history gives up may be asked for still, from its first event on. */
  constructor(shards: readonly Shard[], options: EngineOptions, keepsAll = false) {
    this.shards = shards;
    this.#options = options;
    this.#keepsAll = keepsAll;
    this.#sweeps = new Sweeps(options, keepsAll);
  }

  /** Whether no change is taken now. @param coming What is to be in the inbox soon. */
  isFull(index: number, coming = { changes: 0, bytes: 0 }): boolean {
    const { inboxMaxEntries, inboxMaxBytes } = this.#options;
    const shard = this.shards[index]!;
    const { inbox, inboxBytes } = shard;
    const isOver = inbox.length + coming.changes >= inboxMaxEntries || inboxBytes + coming.bytes >= inboxMaxBytes;
    return isOver || isBehind(shard);
  }

  /** @param changes Of this shard, whose bytes nobody else changes. */
  take(index: number, changes: readonly Change[]): void {
    const shard = this.shards[index]!;
    const wasEmpty = shard.inbox.length === 0;
    for (const change of changes) {
      shard.inboxBytes += weigh(change);
      shard.inbox.push(change);
    }
    if (wasEmpty) queueMicrotask(() => this.#watchers.forEach(({ onWake }) => void onWake(index, null)));
  }

  holds(index: number, token: string): boolean {
    return this.shards[index]!.holder?.token === token;
  }

  refusalOf(index: number, commit: Commit): Refused | null {
    const shard = this.shards[index]!;
    if (!this.holds(index, commit.token)) return 'lease';
    if (shard.rev !== commit.rev) return 'rev';
    if (isTooFarBehind(shard)) return 'backlog';
    const isAsRead = ({ channel, head }: ChannelCommit) => (shard.logs.get(channel)?.history.head ?? null) === head;
    return commit.channels.every(isAsRead) ? null : 'head';
  }

  /** An offset is born here. @param commit Dated. */
  commit(index: number, commit: Commit, nowMs: number): Committed {
    const shard = this.shards[index]!;
    for (const channelCommit of commit.channels) this.#write(shard, channelCommit, nowMs);
    for (const { events } of commit.channels) shard.events += events.length;
    shard.rev++;
    for (const change of shard.inbox.splice(0, commit.entries)) shard.inboxBytes -= weigh(change);
    shard.merged += commit.entries;
    return { kind: 'committed', rev: shard.rev, events: shard.events, waiting: shard.inbox.length };
  }

  #write(shard: Shard, commit: ChannelCommit, nowMs: number): void {
    for (const [from, seq] of commit.seqs) {
      const name = publisherName(commit.channel, from);
      shard.publishers.delete(name);
      shard.publishers.set(name, { seq, expiresMs: nowMs + this.#options.dedupeTtlMs });
    }
    const { events } = commit;
    if (events.length === 0) return;
    const log = shard.logs.get(commit.channel) ?? beginLog(events[0]!.offset - 1, this.#keepsAll);
    // Behind all others: the order is that of their last use.
    shard.logs.delete(commit.channel);
    shard.logs.set(commit.channel, log);
    log.history.append(events);
    log.erased = events.findLast(isErased)?.offset ?? log.erased;
    noteBacklog(shard, events);
    trim(shard, log, this.#options.historyMaxEvents);
    if (commit.refold !== undefined) {
      log.state.clear();
      log.fold = commit.refold;
    }
    for (const [field, value] of commit.state) log.state.set(field, value);
    log.stateBytes = commit.stateBytes;
    log.reducer = commit.reducer;
    log.usedMs = nowMs;
    log.rev = shard.rev + 1;
    const epoch = channelEpoch(shard.epoch, log.fold);
    this.#tell(commit.channel, (observer) => observer.published(epoch, events));
  }

  erase(index: number, { channel, erased, gone, counted, commit }: ErasePlan, nowMs: number): void {
    const log = this.shards[index]!.logs.get(channel)!;
    const { history, state } = log;
    if (counted !== null) log.counted.set(counted.tag, counted.through);
    for (const event of erased) history.replace(event);
    for (const field of gone) state.delete(field);
    this.commit(index, dated(commit, nowMs), nowMs);
  }

  /** The inbox as it is without what a publisher of that name sent; null where there is nothing of it. */
  waitingWithout(index: number, name: string): Change[] | null {
    const { inbox } = this.shards[index]!;
    const isIts = (change: Change) => isWaitingOf(name, change);
    return inbox.some(isIts) ? inbox.map((change) => (isIts(change) ? erasedChange(change) : change)) : null;
  }

  /** Counts as a commit. @param changes Of the oldest so many. @returns How many there were. */
  eraseWaiting(index: number, name: string, changes = Number.POSITIVE_INFINITY): number {
    const shard = this.shards[index]!;
    let count = 0;
    for (const [i, change] of shard.inbox.entries()) {
      if (i >= changes) break;
      if (!isWaitingOf(name, change)) continue;
      shard.inbox[i] = erasedChange(change);
      shard.inboxBytes -= change.bytes.length;
      count++;
    }
    shard.rev++;
    return count;
  }

  free(index: number): void {
    this.shards[index]!.holder = null;
    queueMicrotask(() => this.#watchers.forEach(({ onFree }) => void onFree?.(index)));
  }

  sweepable(index: number, limit: number, nowMs: number): Sweepable {
    return this.#sweeps.find(index, this.shards[index]!, limit, nowMs);
  }

  /** What goes, and what rests. */
  sweep(index: number, { channels, resting, publishers }: Sweepable): void {
    const shard = this.shards[index]!;
    for (const channel of resting) shard.logs.get(channel)!.history.trimTo(1);
    for (const name of publishers) shard.publishers.delete(name);
    // The last position of a channel must not be one of the channel that may come after it.
    if (channels.length > 0) shard.events++;
    for (const channel of channels) forget(shard, channel);
    if (publishers.length + channels.length > 0) shard.rev++;
  }

  renew(index: number, epoch: Epoch): void {
    const shard = this.shards[index]!;
    shard.epoch = epoch;
    shard.rev++;
    for (const channel of this.#observers.keys()) {
      if (shardOf(channel, this.shards.length) === index) this.#tell(channel, (observer) => observer.suspect());
    }
  }

  observe(channel: Channel, observer: ChannelObserver): Subscription {
    const known = this.#observers.get(channel) ?? new Set();
    this.#observers.set(channel, known.add(observer));
    return {
      close: () => {
        known.delete(observer);
        if (known.size === 0 && this.#observers.get(channel) === known) this.#observers.delete(channel);
      },
    };
  }

  watch(onWake: Watcher['onWake'], onFree: Watcher['onFree']): Subscription {
    const watcher = { onWake, onFree };
    this.#watchers.add(watcher);
    return { close: () => void this.#watchers.delete(watcher) };
  }

  /** Nobody is told anything any more. */
  end(): void {
    this.#observers.clear();
    this.#watchers.clear();
  }

  /** News travels after the step that made it, in order, and never runs inside a caller's own block. */
  #tell(channel: Channel, news: (observer: ChannelObserver) => void): void {
    if (!this.#observers.has(channel)) return;
    queueMicrotask(() => {
      for (const observer of this.#observers.get(channel) ?? []) news(observer);
    });
  }
}

function isWaitingOf(name: string, { from, bytes }: Change): boolean {
  return bytes.length > 0 && isOf(name, from);
}

/** The same, with when its events are merged. */
export function dated(commit: Commit, nowMs: number): Commit {
  const when = (event: Event) => ({ ...event, mergedAfterMs: Math.round(nowMs - event.atMs) });
  return { ...commit, channels: commit.channels.map((each) => ({ ...each, events: each.events.map(when) })) };
}

/** Neither of both can hold a space. */
export function publisherName(channel: Channel, from: string): string {
  return `${channel} ${from}`;
}

/** Their bytes belong to whoever appends them. */
export function ownedBy(changes: readonly Change[]): Change[] {
  return changes.map((change) => ({ ...change, bytes: copyOf(change.bytes) }));
}

function beginLog(base: number, keepsAll: boolean): Log {
  return {
    base,
    history: new History(base),
    state: new Map(),
    stateBytes: 0,
    reducer: '',
    fold: 0,
    usedMs: 0,
    rev: 0,
    archived: base,
    archivedFrom: keepsAll ? base + 1 : 0,
    erased: 0,
    counted: new Map(),
  };
}

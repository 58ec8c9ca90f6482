/**
 * The engine: where changes wait, where events are kept, and how news of them travels.
 *
 * This file is the contract, with `comparing.ts`, `archiving.ts`, `refilling.ts` and `erasing.ts`; its comments are the specification, `test/contract/engine.ts` is the same in executable form,
 * and there are three implementations: `memory/` (one process), `durable/` (the same, on a disk) and `redis/` (a fleet). It knows nothing of HTTP or streams.
 *
 * Words: every channel lives on one *shard* (`shardOf`). A shard has one inbox, one epoch, one `rev` (commits so far)
 * and one `events` counter (events ever made). What is atomic, is atomic per shard. A shard also has a *clock*, which goes on while it
 * is merged and which no wall clock can move: all ages are by it, and it tells no date.
 *
 * Failure: a method whose outcome is unknown, because the engine is away, too slow, or refuses to work (full disk,
 * out of memory, read-only), rejects with an `EngineUnavailable`. `append` may then have taken effect or not, and is
 * never repeated by the engine. Every other method is safe to repeat. A shard that is away keeps no method from its work on
 * another.
 */

import type { Change } from '../domain/change.ts';
import type { Channel } from '../domain/channel.ts';
import type { Epoch, Position } from '../domain/position.ts';
import type { StateField } from '../domain/state.ts';
import type { Archiving } from './archiving.ts';
import type { Commit, CommitOutcome } from './commit.ts';
import type { Comparing, HistoryPage } from './comparing.ts';
import type { Erasing } from './erasing.ts';
import type { Evidence, RenewOutcome } from './evidence.ts';
import type { Found, Lease, Peek, PeekLimits } from './inbox.ts';
import type { ChannelObserver, Subscription } from './observer.ts';
import type { Refilling } from './refilling.ts';

export type { ChannelCommit, Commit, CommitOutcome, Committed } from './commit.ts';
export type { Evidence, RenewOutcome } from './evidence.ts';
export type { Found, InboxEntry, Lease, Peek, PeekLimits } from './inbox.ts';
export type { ChannelObserver, Subscription } from './observer.ts';
export type { Refill, RefilledChannel, Refilling, RefillOutcome } from './refilling.ts';

export interface EngineOptions {
  /** How many shards the channels are spread over. Written into the store at first start; another number later is refused. */
  readonly shards: number;
  /** The largest change that is ever appended, bytes: how much a store reads in one go goes by it. */
  readonly maxChangeBytes: number;
  /** Events kept per channel; the oldest are trimmed in the commit that exceeds it. */
  readonly historyMaxEvents: number;
  /** Entries an inbox holds before `append` answers `full`. */
  readonly inboxMaxEntries: number;
  /** Bytes an inbox holds, about (an implementation may estimate), before `append` answers `full`. */
  readonly inboxMaxBytes: number;
  /** How long a (from, channel) is remembered after its last merged change, milliseconds. */
  readonly dedupeTtlMs: number;
  /** How long a channel without a new event is kept, milliseconds. */
  readonly channelIdleMs: number;
  /**
   * The same of one whose history goes on behind what the store keeps, milliseconds; `Infinity`: for ever. Where that is longer, only its
   * last event stays after `channelIdleMs`, with its state. Default: no longer.
   */
  readonly keptMs?: ((channel: Channel) => number) | undefined;
}

export interface Engine extends Comparing, Archiving, Refilling, Erasing {
  readonly shards: number;
  /** Whether some may be away while others are there. Then who appends those of each in a call of their own waits for no other. */
  readonly shardsFailApart: boolean;

  /**
   * Puts changes at the end of their shards' inboxes, in the order given, and tells watchers of every inbox that was
   * empty before. Resolves when the changes are as durable as the engine promises, with one outcome per change, in
   * order. The changes of one call that share a shard are taken all or none; the limits are looked at before, so a call
   * may exceed them by what it brings. Their bytes are copied before it returns.
   *
   * Each shard is settled for itself: of one that is away the outcome is `unknown`, of the others what it is. Rejects where
   * nothing is known of any.
   *
   * @param changes 1 to 1,000.
   */
  append(changes: readonly Change[]): Promise<AppendOutcome[]>;

  /**
   * Reads the oldest entries of an inbox without removing them, for the holder of the shard's lease. Takes the lease
   * if it is free or over, unless it only looks (`lease.takes`); extends it if `lease.token` has it already.
   *
   * A lease is over when its holder has not come back for as long as it asked for, by the clock of who wants it: no wall clock has a
   * say in it. One that nobody has taken is still its holder's, however long ago it was extended.
   *
   * The lease keeps two mergers from doing the same work. It is not what keeps the logs right: `commit` checks.
   *
   * Once the store was restarted, or another server of it took over, all leases end, and for one second every peek is
   * `held`, so that evidence of lost events reaches `renew` before others are made under their offsets. If by then the holder of
   * the last lease has not said that all is there that it saw (evidence `rev` with its token), nobody vouches: readers may know
   * of events that are gone. Then peeks are `unvouched` until the shard has a new epoch, unless the store keeps all it confirms.
   */
  peek(shard: number, lease: Lease, limits: PeekLimits): Promise<Peek>;

  /**
   * What a merger has to know before it folds: each named channel's head, reducer and state, and these publishers' last
   * seqs. States that are too much for one answer (`LOAD_STATE_MAX_BYTES`) are left out of it: `readState` has them.
   */
  load(shard: number, wanted: readonly LoadWish[]): Promise<Loaded>;

  /**
   * The one step in which events come into being. Checks first: is the lease still `token`'s, is the shard still at
   * `rev`, is every channel's head as it was read? If anything differs nothing at all is
   * written. Then, as one atomic step: history (trimmed to `historyMaxEvents`), heads, changed state fields, last seqs,
   * entries set aside, `rev` + 1, the published batch of every channel, and last the inbox gives up its first `entries`
   * entries.
   *
   * A repeated commit is refused (`rev`), so it is safe to send again; whoever gets anything but `committed` must
   * forget what it believed of the shard and read again.
   */
  commit(shard: number, commit: Commit): Promise<CommitOutcome>;

  /**
   * Gives a lease back at once, so that another merger need not wait for it to expire, and tells watchers that it is free. No
   * effect for any other token.
   */
  release(shard: number, token: string): Promise<void>;

  /**
   * Forgets, for the holder of the lease, publishers unheard of for `dedupeTtlMs` and channels without a new event for
   * `channelIdleMs`, or `keptMs`; of one that is kept for longer it gives up the history but for the last event, which changes nothing
   * but `oldest`. It looks at `limit` of each at most in one call, and goes on with the next behind those that stay. Where it forgot
   * anything it counts as a commit (`rev` + 1). The time is that of the shard, which wall clocks do not move: it may be less than has passed, while nobody merged.
   */
  sweep(shard: number, token: string, limit: number): Promise<SweepOutcome>;

  /**
   * The events after a position, oldest first, together with the log's bounds at that very moment; a `gap` when `gapAt`
   * finds one. With `null` for the position: the newest events, of which the oldest are left out first. A position of the epoch
   * before (`parent` of the bounds), up to where the channel is known to be the same in both, is as one of this epoch. One that is
   * ahead of a log that may be refilled is not judged: rejects with an `EngineUnavailable` (`refilling.ts`).
   * Reading creates nothing but the shard's epoch, where there was none.
   *
   * @param limit Events at most; 0: the bounds alone.
   * @param maxBytes Stops after the event that exceeds this, about; at least one is returned. Default `READ_MAX_BYTES`.
   */
  readHistory(channel: Channel, after: Position | null, limit: number, maxBytes?: number): Promise<DatedPage>;

  /**
   * State and the position it is the fold of: exact, as if read as one, although it may take many reads of the store. Rejects
   * where it changes too fast for that. The state is the caller's own; of a channel without state it is empty, at its head.
   */
  readState(channel: Channel): Promise<Snapshot>;

  /** How far the merge of a shard is. Changes nothing. */
  readProgress(shard: number): Promise<Progress>;

  /**
   * Tells `observer` of every commit to the channel from now on, and perhaps of one just before; resolves once that
   * holds. Batches of one channel arrive in the order of their offsets. When the engine cannot vouch that none was missed,
   * it calls `suspect`.
   */
  subscribe(channel: Channel, observer: ChannelObserver): Promise<Subscription>;

  /**
   * Calls `onWake` when a shard's inbox was empty and is not any more. A hint: it may come late, twice, or not at all.
   *
   * It may say what the inbox held at that moment. Whoever has the lease and knows the shard as of that very `rev` need not
   * peek: until the next commit the inbox begins with these entries.
   *
   * Calls `onFree`, as much of a hint, when a shard's lease was given back.
   */
  watch(onWake: (shard: number, found: Found | null) => void, onFree?: (shard: number) => void): Promise<Subscription>;

  /**
   * Gives a shard a new epoch, if the evidence shows that its logs are not what somebody saw: the store is behind, or
   * holds another event under the same offset. `epoch` is the one the evidence was seen in, of the channel where it is about one;
   * if that has another by now nothing happens. A renewal counts as a commit (`rev` + 1) and makes every observer of the shard suspect.
   */
  renew(shard: number, epoch: Epoch, evidence: Evidence): Promise<RenewOutcome>;

  /**
   * A roll call, of no log: leaves a member's figure for `ttlMs`, or takes it back with 0, and resolves to the figures
   * of all members of that roll now, in no order. All members of a roll say the same `ttlMs`.
   *
   * @param figure A whole number, not negative.
   */
  gather(roll: RollName, member: string, figure: number, ttlMs: number): Promise<readonly number[]>;

  /** Resolves to the shards that are away, each with why. Rejects when the whole engine is. */
  ping(): Promise<Away>;

  /** Ends all subscriptions and connections. What is in flight may be rejected. Nothing may be called afterwards. */
  close(): Promise<void>;
}

/** What histories are read from. */
export type Histories = Pick<Engine, 'readHistory'>;

export type RollName = 'gateways' | 'mergers';

/** What a read answers with unless it is told otherwise, bytes: a store is busy with it for about a millisecond. */
export const READ_MAX_BYTES = 512 << 10;

/** A load gives states of up to this weight (`stateBytes` of their last commit), and no more once the next exceeds the second. */
export const LOAD_STATE_MAX_BYTES = 64 << 10;
export const LOAD_MAX_BYTES = 512 << 10;

/** `full`: the inbox, or what waits to be archived, is at its limit, nothing of this change was kept, try later. `unknown`: it may be there or not. */
export type AppendOutcome = 'accepted' | 'full' | 'unknown';

export type Away = ReadonlyMap<number, Error>;

export interface LoadWish {
  readonly channel: Channel;
  /** Whose last merged seq is wanted. */
  readonly froms: readonly string[];
  /** False where the caller knows head, reducer and state already and only wants more seqs. */
  readonly withState: boolean;
}

export interface Loaded {
  /** If it is not the `rev` of the peek, somebody else has committed in between. */
  readonly rev: number;
  /** In the order of the wishes. */
  readonly channels: readonly LoadedChannel[];
}

export interface LoadedChannel {
  /** Null for a channel that does not exist. */
  readonly head: number | null;
  /** Name of the reducer that made its state; null for a channel that does not exist. */
  readonly reducer: string | null;
  /** The caller's own. Empty when it was not wished for; null when it is too large for this answer. */
  readonly state: Map<string, StateField> | null;
  /** What shifts the channel's epoch (`channelEpoch`); absent where nothing does. */
  readonly fold?: number;
  /** Last merged seq of each wished publisher, 0 for one that is not remembered. In the order of `froms`. */
  readonly seqs: readonly number[];
}

export type SweepOutcome =
  | {
      readonly kind: 'swept';
      /** What was forgotten: whoever knows the shard as of the `rev` before need not forget more. */
      readonly channels: readonly Channel[];
      readonly publishers: readonly (readonly [channel: Channel, from: string])[];
      readonly rev: number;
      readonly events: number;
    }
  | { readonly kind: 'refused'; readonly reason: 'lease' };

/** What `readHistory` answers. */
export type DatedPage = HistoryPage & {
  /** What the clock of the shard says, milliseconds: how long ago an event was merged is the difference (`mergedAfterMs`). */
  readonly clockMs: number;
};

/**
 * Of a shard: whoever sees `accepted`, and later a `merged` that is not less, knows that all is merged that was accepted before. So does
 * who sees that they are equal. They go up, but where a store came back with less, or entries were taken out of an inbox by another way.
 */
export interface Progress {
  /** Changes that the inbox has given up, by a count of the store's own. */
  readonly merged: number;
  /** These, and those that wait. */
  readonly accepted: number;
}

export interface Snapshot extends Position {
  readonly state: Map<string, StateField>;
}

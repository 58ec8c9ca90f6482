/**
 * The merge of one shard: peek, load what is not known, fold, commit; again until the inbox is empty.
 *
 * Nothing is removed from the inbox but by the commit that uses it, and a commit is all or nothing, so this may be
 * killed, frozen or cut off anywhere. Freeze it past its lease and another merger takes the shard; when it wakes, its
 * commit is refused, because the token is not the holder's any more or because `rev` has moved. Every answer
 * that is not `committed`, and every missing answer, leads to the same place: forget what may be wrong, and read again.
 */
import type { Clock } from '../clock.ts';
import type { ChannelCommit, Engine, Found, InboxEntry, Peek } from '../engine/engine.ts';
import { EngineUnavailable } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import { Company } from './company.ts';
import { ofFewChannels } from './few-channels.ts';
import { type FoldDeps, fold, type Outcome } from './fold.ts';
import { Known } from './known.ts';
import { type LearnDeps, learn } from './learn.ts';
import type { Memory } from './memory.ts';
import { type ReadableEntry, readableOf } from './readable.ts';
import { ShardRefill, type ShardRefillDeps } from './refill/shard-refill.ts';
import { Sweeper } from './sweeper.ts';
import { Tenure, type TenureDeps } from './tenure.ts';
import { Witness } from './witness.ts';

export interface ShardMergeDeps extends FoldDeps, LearnDeps, Omit<TenureDeps, 'refills'>, ShardRefillDeps {
  readonly engine: Engine;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly clock: Clock;
  /** What the merge of all shards remembers. */
  readonly memory: Memory;
}

type Entries = Extract<Peek, { kind: 'entries' }>;
type ReadableEntries = Omit<Entries, 'entries'> & { readonly entries: readonly ReadableEntry[] };

/** 512 entries, half a MiB and the entry that exceeds it: a commit of that size keeps Redis busy for a few milliseconds, not more. */
const ENTRIES_MAX = 512;
const ENTRIES_MAX_BYTES = 512 << 10;

/** When a shard is looked at again that nobody has: whose it is takes it in less. */
const LEFT_LOOK_MS = 100;

/**
 * When to come back. `again`: at once, there may be more. `idle`: when woken, the inbox is empty. `held`: somebody else
 * merges this shard, or should. `outdated`: a newer merger is needed, the lease was given back for it. A number: after so many milliseconds, in which more will have come.
 */
export type RoundResult = 'again' | 'idle' | 'held' | 'outdated' | number;

export class ShardMerge {
  readonly #shard: number;
  readonly #deps: ShardMergeDeps;
  readonly #known: Known;
  readonly #sweeper: Sweeper;
  readonly #tenure: Tenure;
  readonly #refill: ShardRefill;
  /** Where the shard stood after our last look at it: what is known is true for this and for nothing else. */
  readonly #witness: Witness;
  readonly #company = new Company();
  /** Whether the last round found the lease to be another's, and told what was seen under ours. */
  #isHeld = false;
  #heldMs = 0;
  /** Whether the shard waits for a newer merger, as was said. */
  #isOutdated = false;
  /** Whether channels that kept their reducer are to be looked at again, before the next round. */
  #isSettled = false;
  /** How many entries a round takes: all that may be, or less after it failed. */
  #entriesMax = ENTRIES_MAX;
  /** Whether the last round failed. */
  #isDoubted = false;
  /** What the last peek read and the last commit, which is what `#witness` saw, did not take: the inbox begins with it. */
  #rest: Pick<Entries, 'entries' | 'waiting'> | null = null;

  constructor(shard: number, deps: ShardMergeDeps) {
    this.#shard = shard;
    this.#deps = deps;
    this.#known = new Known(deps.memory);
    this.#witness = new Witness(shard, deps);
    this.#refill = new ShardRefill(shard, deps);
    this.#tenure = new Tenure(shard, { ...deps, refills: () => this.#refill.isAble });
    this.#sweeper = new Sweeper(shard, deps);
  }

  /** @param found What woke us, if it told. */
  async round(found: Found | null = null): Promise<RoundResult> {
    if (this.#isSettled) this.#known.forgetKept();
    this.#isSettled = false;
    const limits = { maxEntries: this.#entriesMax, maxBytes: ENTRIES_MAX_BYTES };
    const peek = this.#asPeek(found) ?? (await this.#tenure.peek(limits));
    if (peek.kind === 'held' || peek.kind === 'free') {
      this.#heldMs = peek.kind === 'held' ? peek.remainingMs : LEFT_LOOK_MS;
      await this.#standBy();
      return 'held';
    }
    this.#isHeld = false;
    if (peek.kind === 'refill') {
      this.#forget();
      return this.#refill.round(peek, this.#tenure.token);
    }
    if (peek.kind === 'unvouched') {
      await this.#witness.renewUnvouched(peek.epoch);
      this.#forget();
      return 'again';
    }
    if (await this.#witness.wentBack(peek)) {
      this.#forget();
      return 'again';
    }
    if (!this.#isAsKnown(peek)) this.#known.clear();
    this.#isDoubted = false;
    this.#witness.see(peek, this.#tenure.token);
    this.#noteWaiting(peek.waiting);
    if (peek.entries.length === 0) return (await this.#sweepIfDue()) ? 'again' : 'idle';
    const readable = readableOf(peek.entries);
    if (readable.length === 0) return this.#giveWay(peek.entries[0]!);
    this.#isOutdated = false;
    const folded = await this.#merge({ ...peek, entries: readable }).catch((error: unknown) => {
      this.#known.dropUsed();
      throw error;
    });
    this.#known.done();
    if (folded === null) {
      this.#known.clear();
      return 'again';
    }
    const { entries, waiting } = folded;
    this.#entriesMax = Math.min(ENTRIES_MAX, 2 * this.#entriesMax);
    const pauseMs = this.#company.pauseAfter(entries, peek.waiting);
    const isMoreToSweep = await this.#sweepIfDue();
    if (pauseMs > 0) return pauseMs;
    return waiting === 0 && !isMoreToSweep ? 'idle' : 'again';
  }

  /** After a round that was `held`: when the lease may be over, milliseconds from then. */
  get heldMs(): number {
    return this.#heldMs;
  }

  /**
   * After a round that did not come to its end: what it wanted may have been too much for one call, so the next takes half. What is
   * known of other channels stays: a store that was away for a moment is not asked for all of it at once when it is back.
   */
  failed(): void {
    this.#entriesMax = Math.ceil(this.#entriesMax / 2);
    this.#isDoubted = true;
    this.#rest = null;
    this.#tenure.doubt();
  }

  /** Whether the shard is this merger's: then wakes concern it, and else that the shard is free. */
  get isOurs(): boolean {
    return this.#tenure.isOurs;
  }

  /** All mergers have the same `REDUCERS` again. */
  settle(): void {
    this.#isSettled = true;
  }

  /** Whether the shard is to be released between two rounds, because it is another merger's. */
  get isDueBack(): boolean {
    return this.#tenure.isDueBack;
  }

  async release(): Promise<void> {
    this.#heldMs = LEFT_LOOK_MS;
    const released = this.#tenure.release();
    this.#loseLease();
    await released;
  }

  /**
   * A round trip less, when what was found, or read and not used yet, is the shard as we left it, and it has not been long since
   * we asked for the lease.
   */
  #asPeek(found: Found | null): Peek | null {
    const { seen } = this.#witness;
    const rest = this.#rest;
    this.#rest = null;
    if (seen !== null && rest !== null) return this.#tenure.isTrusted ? { kind: 'entries', ...seen, ...rest } : null;
    if (found === null || seen === null || found.rev !== seen.rev || found.epoch !== seen.epoch) return null;
    if (!this.#tenure.isTrusted) return null;
    return { kind: 'entries', ...seen, waiting: found.entries.length, entries: found.entries };
  }

  /**
   * Whether what is known is true of what the store has now: nobody has committed since. After a doubt the same `rev` says so only
   * where nobody else could commit: a store that has lost commits may have been given as many others.
   */
  #isAsKnown({ rev, epoch }: Entries): boolean {
    const { seen } = this.#witness;
    return rev === seen?.rev && epoch === seen.epoch && (!this.#isDoubted || this.#tenure.isUnbroken);
  }

  /** After any doubt. The lease may still be ours, and a late commit of ours is refused by `rev`: the token stays. */
  #forget(): void {
    this.#known.clear();
    this.#rest = null;
    this.#tenure.doubt();
  }

  #loseLease(): void {
    this.#forget();
    this.#tenure.lose();
    this.#deps.metrics.inboxEntries.remove({ shard: String(this.#shard) });
  }

  /**
   * Somebody else has the lease; or nobody, for a store that was taken over keeps the merge waiting for just this evidence. It
   * is told now: the next to merge may make as many commits as were lost, and then `rev` shows nothing any more.
   */
  async #standBy(): Promise<void> {
    if (!this.#isHeld) await this.#witness.testify();
    this.#isHeld = true;
    this.#loseLease();
  }

  /** The oldest entry is of a newer version. Set aside it would be a 204 without an event, so the shard waits for who can read it. */
  async #giveWay(first: InboxEntry): Promise<RoundResult> {
    const { log } = this.#deps;
    if (!this.#isOutdated) {
      const fields = { shard: this.#shard, format: first.kind === 'newer' ? first.format : undefined };
      log.error(fields, 'a newer bucket wrote the oldest change of this shard: it waits for a merger of that version');
    }
    this.#isOutdated = true;
    await this.release();
    return 'outdated';
  }

  /** What has expired goes, and of what is known no more than that: a sweep of ours that moved `rev` is like a commit of ours. */
  async #sweepIfDue(): Promise<boolean> {
    const done = await this.#sweeper.sweepIfDue(this.#tenure.token);
    if (done === null) return false;
    this.#rest = null;
    const { swept, isMore } = done;
    const { seen } = this.#witness;
    if (seen && swept.rev === seen.rev + 1) {
      this.#known.forget(swept);
      this.#witness.see({ epoch: seen.epoch, rev: swept.rev, events: swept.events }, this.#tenure.token);
    }
    return isMore;
  }

  /** @returns How many entries were taken and how many are left, null when refused; null when the shard is to be read again. */
  async #merge(peek: ReadableEntries): Promise<{ entries: number; waiting: number | null } | null> {
    const entries = await learn(
      this.#shard,
      { ...peek, entries: ofFewChannels(peek.entries) },
      this.#known,
      this.#deps,
    );
    if (entries === null) return null;
    const waiting = await this.#commit({ ...peek, entries });
    const rest = peek.entries.slice(entries.length);
    if (waiting !== null && rest.length > 0) this.#rest = { entries: rest, waiting };
    return { entries: entries.length, waiting };
  }

  /** @returns How many entries are left; null when it was refused. */
  async #commit(peek: ReadableEntries): Promise<number | null> {
    const { engine, metrics, log, clock } = this.#deps;
    const { channels, unreadable, outcomes, failures } = fold(peek.entries, this.#known, peek.events, this.#deps);
    this.#known.weigh(channels.map(({ channel }) => channel));
    const { epoch, rev } = peek;
    const token = this.#tenure.token;
    const entries = peek.entries.length;
    const outcome = await engine.commit(this.#shard, { token, rev, epoch, entries, channels, unreadable });
    if (outcome.kind === 'refused') {
      // Nothing else is true of the shard, so there is no use in reading it again at once.
      if (outcome.reason === 'backlog') throw new EngineUnavailable('too much waits to be archived');
      log.warn({ shard: this.#shard, reason: outcome.reason }, 'commit refused: reading the shard again');
      if (outcome.reason === 'lease') this.#loseLease();
      else this.#forget();
      return null;
    }
    this.#witness.see({ epoch, rev: outcome.rev, events: outcome.events }, token);
    this.#noteWaiting(outcome.waiting);
    for (const [name, count] of Object.entries(outcomes)) {
      if (count > 0) metrics.eventsMerged.inc({ outcome: name as Outcome }, count);
    }
    if (log.isLevelEnabled('debug')) this.#trace(channels);
    for (const { reducer, error } of failures) log.error({ reducer, err: error }, 'a reducer threw: change refused');
    if (unreadable.length > 0) log.error({ shard: this.#shard, count: unreadable.length }, 'entries set aside');
    const first = peek.entries[0]!;
    if (first.kind === 'change') metrics.mergeLag.set(Math.max(0, clock.wallMs() - first.change.acceptedMs) / 1000);
    return outcome.waiting;
  }

  #trace(commits: readonly ChannelCommit[]): void {
    for (const { channel, events } of commits) {
      for (const { trace, offset } of events) if (trace) this.#deps.log.debug({ trace, channel, offset }, 'event made');
    }
  }

  #noteWaiting(count: number): void {
    this.#deps.metrics.inboxEntries.set({ shard: String(this.#shard) }, count);
  }
}

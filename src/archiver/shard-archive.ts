/**
 * The archiving of one shard, round by round: which channels have events after the watermark, in the order of `rev`; what the archive
 * lacks of them; written with the new watermark in one transaction; and then the engine is told, which keeps until then what is not
 * archived.
 *
 * It may be killed, frozen or cut off anywhere. What was written and not told is told in a later round, for what the archive has is
 * what counts; a late write of one whose shard is another's is refused.
 */
import type { Archive, ArchivedLog, LogPart, Watermark } from '../archive/archive.ts';
import type { Clock } from '../clock.ts';
import type { Channel } from '../domain/channel.ts';
import type { Epoch } from '../domain/position.ts';
import type { Unarchived } from '../engine/archiving.ts';
import type { Engine } from '../engine/engine.ts';
import type { Logger } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import { ShardClaim } from './claim.ts';
import { headOf } from './following.ts';
import { KnownLogs } from './known-logs.ts';
import { type Found, readUnarchived } from './reading.ts';

export interface ShardArchiveDeps {
  readonly engine: Engine;
  readonly archive: Archive;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** What a shard may have that is not archived, bytes. */
  readonly backlogMaxBytes: number;
}

/** Of one round: as many as one call of the engine may ask for. */
const CHANNELS_MAX = 250;

/** With so many entries in the inbox the merge comes first, as long as the backlog is less than a part of what it may be. */
const BUSY_ENTRIES = 1_000;
const BUSY_OF_BACKLOG = 1 / 8;
/** Rounds that are left out for that, one after the other. */
const LEFT_OUT_MAX = 20;

/** `more`: go on at once. `quiet`: nothing is left. `held`: another archives this shard. */
export type Round = 'more' | 'quiet' | 'held';

export class ShardArchive {
  readonly #shard: number;
  readonly #deps: ShardArchiveDeps;
  readonly #claim: ShardClaim;
  readonly #known = new KnownLogs();
  #epoch: Epoch | null = null;
  #rev = 0;
  /** Channels that are archived up to this `rev` of theirs, above the watermark: others of that commit are not. */
  #whole: ReadonlyMap<Channel, number> = new Map();
  #leftOut = 0;

  constructor(shard: number, deps: ShardArchiveDeps) {
    this.#shard = shard;
    this.#deps = deps;
    this.#claim = new ShardClaim(shard, deps.archive, deps.clock);
  }

  get isOurs(): boolean {
    return this.#claim.isOurs;
  }

  async round(): Promise<Round> {
    const { engine } = this.#deps;
    let isNew = false;
    const isOurs = await this.#claim.hold((watermark) => {
      isNew = true;
      this.#begin(watermark);
    });
    if (!isOurs) {
      this.#tellNothing();
      return 'held';
    }
    // From now on nothing is trimmed that is not archived.
    if (isNew) await this.#mark('', -1, []);
    let unarchived = await engine.readUnarchived(this.#shard, this.#rev, CHANNELS_MAX);
    // A store that has another epoch, or less than it had, is looked through from its beginning.
    if (unarchived.epoch !== this.#epoch || unarchived.rev < this.#rev) {
      this.#epoch = unarchived.epoch;
      this.#rev = 0;
      this.#whole = new Map();
      unarchived = await engine.readUnarchived(this.#shard, 0, CHANNELS_MAX);
    }
    this.#tellBacklog(unarchived);
    if (unarchived.channels.length === 0) {
      if (unarchived.backlogBytes > 0) await this.#mark(unarchived.epoch, unarchived.rev, []);
      return 'quiet';
    }
    if (this.#isBusy(unarchived)) return 'quiet';
    return this.#archive(unarchived);
  }

  /** After a round that failed: whatever it was in the middle of is not known. What waits is told all the same, for nobody else does. */
  async failed(): Promise<void> {
    this.#claim.doubt();
    const unarchived = await this.#deps.engine.readUnarchived(this.#shard, this.#rev, 1).catch(() => null);
    if (unarchived !== null) this.#tellBacklog(unarchived);
  }

  /** What the archive has may be less than before. */
  forget(): void {
    this.#known.clear();
  }

  async release(): Promise<void> {
    this.#tellNothing();
    await this.#claim.release();
  }

  #tellBacklog({ backlogBytes }: Unarchived): void {
    this.#deps.metrics.archiveBacklogBytes.set({ shard: String(this.#shard) }, backlogBytes);
  }

  /** The backlog is told by whose the shard is. */
  #tellNothing(): void {
    this.#deps.metrics.archiveBacklogBytes.remove({ shard: String(this.#shard) });
  }

  #begin({ epoch, rev }: Watermark): void {
    this.#known.clear();
    this.#whole = new Map();
    this.#epoch = epoch;
    this.#rev = rev;
  }

  #isBusy({ waiting, backlogBytes }: Unarchived): boolean {
    const isBusy = waiting >= BUSY_ENTRIES && backlogBytes < this.#deps.backlogMaxBytes * BUSY_OF_BACKLOG;
    this.#leftOut = isBusy && this.#leftOut < LEFT_OUT_MAX ? this.#leftOut + 1 : 0;
    return this.#leftOut > 0;
  }

  async #archive(unarchived: Unarchived): Promise<Round> {
    const { archive } = this.#deps;
    const channels = unarchived.channels.filter(({ channel, rev }) => this.#whole.get(channel) !== rev);
    const found = await readUnarchived(this.#shard, { ...unarchived, channels }, this.#known, this.#deps);
    // Of a shard that is not what it was, or that changes faster than it can be read: a moment later.
    if (found === null || (found.length === 0 && channels.length > 0)) return 'quiet';
    const news = found.filter((each) => isNews(each, unarchived.epoch));
    const whole = new Map(this.#whole);
    for (const { channel, rev, isWhole } of found) if (isWhole) whole.set(channel, rev);
    const rev = this.#revAfter(unarchived, whole);
    const { epoch, events } = unarchived;
    const watermark = { epoch, rev, ...(rev === unarchived.rev && { events }) };
    const batch = { watermark, parts: news.map(partOf) };
    const logs = await archive.write(this.#shard, this.#claim.token, batch);
    if (logs === null) {
      this.#claim.doubt();
      return 'held';
    }
    for (const [i, each] of news.entries()) this.#learn(each, logs[i]!);
    this.#rev = rev;
    this.#whole = new Map([...whole].filter(([, at]) => at > rev));
    await this.#mark(unarchived.epoch, rev, found);
    return rev === unarchived.rev ? 'quiet' : 'more';
  }

  #learn({ channel, events, followed: { log } }: Found, written: ArchivedLog): void {
    const last = events.at(-1) ?? (written.head === log?.head ? log.last : undefined);
    // What it ends with after a cut the archive knows.
    if (last === undefined) this.#known.forget(channel);
    else this.#known.set(channel, { ...written, last });
    this.#deps.metrics.eventsArchived.inc(events.length);
  }

  /** Where it is not told, the engine keeps what is archived until a later round. */
  async #mark(epoch: Epoch, rev: number, found: readonly Found[]): Promise<void> {
    const { engine, backlogMaxBytes } = this.#deps;
    const marks = found.map(({ channel, followed, events }) => ({
      channel,
      from: followed.log?.oldest ?? followed.begin + 1,
      offset: events.at(-1)?.offset ?? headOf(followed),
    }));
    await engine.markArchived(this.#shard, { epoch, rev, marks, backlogMaxBytes });
  }

  /**
   * All is archived below the `rev` of the first channel of which something is left. Not that `rev` itself: a commit has many channels,
   * and where as many were told as may be, there may be more of the last one's.
   */
  #revAfter({ rev, channels }: Unarchived, whole: ReadonlyMap<Channel, number>): number {
    const firstLeft = channels.find((each) => whole.get(each.channel) !== each.rev);
    const left = firstLeft ?? (channels.length < CHANNELS_MAX ? null : channels.at(-1)!);
    return left === null ? rev : Math.max(this.#rev, left.rev - 1);
  }
}

/** A log that goes on in another epoch is written too, if without events. */
function isNews({ followed: { log, cutAbove }, events }: Found, epoch: Epoch): boolean {
  return events.length > 0 || cutAbove !== undefined || (log !== null && log.epoch !== epoch);
}

function partOf({ channel, followed: { log, cutAbove }, events }: Found): LogPart {
  return { channel, log, events, ...(cutAbove !== undefined && { cutAbove }) };
}

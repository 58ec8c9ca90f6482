/**
 * The archive: every event there ever was, in a store that lasts, behind the engine's histories.
 *
 * This file is the contract, `test/contract/archive.ts` is the same in executable form.
 *
 * Of each channel it has one log that is *current*: contiguous, and up to its head the same as that of the engine. Where the
 * engine's log cannot be followed any more (it was lost, or is another channel of that name), a new one begins and becomes current;
 * the one before stays for who looks into the archive itself.
 *
 * One archiver at a time writes what is of a shard: who has claimed it last. Whatever another one writes is refused, in the same
 * transaction as what it would have written.
 *
 * Failure: a method whose outcome is unknown rejects with an `ArchiveUnavailable`. `write` may have taken effect then: `claim`
 * and `logsOf` tell. Every other method is safe to repeat.
 */
import type { Channel } from '../domain/channel.ts';
import type { Event } from '../domain/event.ts';
import type { Epoch } from '../domain/position.ts';

/** The current log of a channel. */
export interface ArchivedLog {
  readonly id: string;
  /** Of the shard, in which it was followed last. */
  readonly epoch: Epoch;
  /** Its first event has, or had, the next offset. */
  readonly base: number;
  /** Offset of the oldest event that is left; `head + 1` where none is. */
  readonly oldest: number;
  readonly head: number;
}

/** What an archiver has to know to go on with it. */
export interface FollowedLog extends ArchivedLog {
  /** The event at the head; null where there is none. */
  readonly last: Event | null;
}

/** Up to where a shard is archived. */
export interface Watermark {
  /** Null before anything was written. */
  readonly epoch: Epoch | null;
  readonly rev: number;
}

export type Claim =
  | { readonly kind: 'ours'; readonly watermark: Watermark }
  /** By another. @field sign Another one each time that it shows to be alive. */
  | { readonly kind: 'held'; readonly sign: string };

/** What follows in the log of one channel. */
export interface LogPart {
  readonly channel: Channel;
  /** The log that it follows on, as it was read or written last; null for one that begins with it. */
  readonly log: ArchivedLog | null;
  /** What that one has above this offset was lost, and is no part of it any more. */
  readonly cutAbove?: number;
  /** Contiguous, from the head on, or from that offset. Of a log that begins, at least one. */
  readonly events: readonly Event[];
}

export interface ArchiveBatch {
  readonly watermark: {
    readonly epoch: Epoch;
    readonly rev: number;
    /** How many events the shard had made by then, where it is known that with this batch all of them are archived. */
    readonly events?: number;
  };
  /** Each of another channel. */
  readonly parts: readonly LogPart[];
}

/** One in which a publisher has events. */
export interface SentLog {
  readonly id: string;
  readonly channel: Channel;
  readonly isCurrent: boolean;
}

export interface ErasedPart {
  /** Of the events that were erased. */
  readonly offsets: readonly number[];
  /** Up to where it was looked through. */
  readonly through: number;
  /** Whether that was all there is. */
  readonly isAll: boolean;
}

export interface ArchivedPage {
  readonly log: ArchivedLog;
  readonly events: readonly Event[];
}

/** What a read answers with unless it is told otherwise, bytes. */
export const PAGE_MAX_BYTES = 256 << 10;

export interface ArchiveReader {
  /**
   * Resolves once it can be used, which all other methods wait for too. Rejects with an `ArchiveUnavailable` while it cannot be
   * reached: ask again; with an `ArchiveUnusable` where it is not what it should be.
   */
  ready(): Promise<void>;

  /**
   * The events after an offset, or from the oldest on where that is later, in the current log of a channel; null where there is none.
   *
   * @param limit Events at most; with 0, the bounds alone.
   * @param maxBytes Stops after the event that exceeds this, about; at least one is returned.
   */
  read(channel: Channel, after: number, limit: number, maxBytes: number): Promise<ArchivedPage | null>;

  /** What is in flight may be rejected. */
  close(): Promise<void>;
}

export interface ChannelLog {
  readonly channel: Channel;
  readonly log: ArchivedLog;
}

/** For who puts back what a store has lost. */
export interface ArchiveSource extends ArchiveReader {
  /** Those of these channels of a shard that have a current log, with its bounds. */
  boundsOf(shard: number, channels: readonly Channel[]): Promise<ChannelLog[]>;

  /**
   * Channels whose current log was followed last in this epoch, and begins above an offset: so many at most, in the order of their names,
   * behind one.
   */
  begunAbove(shard: number, epoch: Epoch, base: number, behind: string, limit: number): Promise<ChannelLog[]>;

  /** How many events the shard had made in this epoch, of which all are archived; 0 where nobody knows. */
  eventsOf(shard: number, epoch: Epoch): Promise<number>;
}

export interface Archive extends ArchiveSource {
  /**
   * Who writes a shard from now on: `token`, if it does already, if nobody does, or if `sign` is what another one was known by last.
   * Whoever sees the same sign for as long as an archiver may be silent, by its own clock, may so take its place: no wall clock has a
   * say in it.
   */
  claim(shard: number, token: string, sign: string | null): Promise<Claim>;

  /** Gives up what is to be kept no longer, and makes room for what comes: to be asked for before the first write, and once an hour. */
  retain(): Promise<void>;

  /** Lets another have it at once. No effect for any other token. */
  release(shard: number, token: string): Promise<void>;

  /** The current logs of these channels of a shard, in their order; null where there is none. */
  logsOf(shard: number, channels: readonly Channel[]): Promise<(FollowedLog | null)[]>;

  /**
   * All of it or nothing. Resolves to the logs as they are then, in the order of the parts; to null, with nothing written, where
   * the shard is another's.
   */
  write(shard: number, token: string, batch: ArchiveBatch): Promise<ArchivedLog[] | null>;

  /**
   * The logs of a shard in which publishers of that name have events, also those that are not current any more. From then on nobody
   * writes what was read before: the shard is to be claimed again.
   */
  logsWith(shard: number, name: string): Promise<SentLog[]>;

  /** Of the events of one after an offset, and up to one, takes what such a publisher sent (`erasedForm`): a part of the log, all of it or nothing. */
  erase(shard: number, log: string, name: string, after: number, upTo: number): Promise<ErasedPart>;

  /** That such a publisher was there is not known any more, unless there are events of it after an offset. */
  forgetSender(shard: number, log: string, name: string, after: number): Promise<void>;
}

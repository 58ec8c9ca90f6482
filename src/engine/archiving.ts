/**
 * The part of an engine's contract that is for who moves its logs to a store that lasts: what is not there yet, and up to where
 * it is. What is moved is read as by anybody else (`readTails`, `readHistory`).
 *
 * Archiving begins with the first `markArchived` of a shard, and does not end with the process that asked for it: from then on
 * `commit` trims no event, and `sweep` forgets no channel, before it is archived.
 */
import type { Channel } from '../domain/channel.ts';
import type { Epoch } from '../domain/position.ts';

export interface Unarchived {
  /** Of the shard. */
  readonly epoch: Epoch;
  readonly rev: number;
  /** That the shard ever made, as `peek` tells them. */
  readonly events: number;
  /** Entries in the inbox: with many, who can wait should. */
  readonly waiting: number;
  /** What the events weigh that no mark has told of, about. */
  readonly backlogBytes: number;
  /** Whether archiving has begun. */
  readonly isArchived: boolean;
  /** Channels whose last event came with a `rev` above the one asked about, in that order. */
  readonly channels: readonly { readonly channel: Channel; readonly rev: number }[];
}

export interface ArchiveMark {
  readonly channel: Channel;
  /** The oldest event that is archived: the log's bounds tell it (`archivedFrom`). */
  readonly from: number;
  /** All events of the channel up to this one are archived. */
  readonly offset: number;
}

export interface ArchiveMarks {
  /** Of the shard, in which they were read: in another one nothing is marked. */
  readonly epoch: Epoch;
  /** All commits of the shard up to this are archived. */
  readonly rev: number;
  readonly marks: readonly ArchiveMark[];
  /** With so much that is not archived, `append` answers `full`; with a quarter more `commit` is refused as well. */
  readonly backlogMaxBytes: number;
}

/** Channels that one call tells, or marks, at most: more than a commit has, which all have the same `rev`. */
export const ARCHIVE_CHANNELS_MAX = 250;

/** What an event counts beside its bytes in a backlog: about what a store takes for one. */
export const BACKLOG_EVENT_BYTES = 64;

export interface Archiving {
  /** @param limit Up to `ARCHIVE_CHANNELS_MAX`. */
  readUnarchived(shard: number, afterRev: number, limit: number): Promise<Unarchived>;

  /** Trims, too, what was only kept for it. Safe to repeat. Resolves to false where the shard has another epoch. */
  markArchived(shard: number, archived: ArchiveMarks): Promise<boolean>;
}

/**
 * The part of an engine's contract that is for those who hold copies of its logs' ends: whether these are still true is asked
 * for many channels of a shard at once, and of a shard that has not changed for none at all.
 */
import type { Channel } from '../domain/channel.ts';
import type { Event } from '../domain/event.ts';
import type { Epoch, GapReason, LogBounds, Position } from '../domain/position.ts';

export type HistoryPage =
  | { readonly kind: 'events'; readonly log: LogBounds; readonly events: readonly Event[] }
  | {
      readonly kind: 'gap';
      readonly log: LogBounds;
      readonly reason: GapReason;
      /** Trimmed here, and there is an archive that may have it: but it does not answer. */
      readonly isArchiveAway?: boolean;
    };

/**
 * Stands for all logs of a shard as they were at one moment: while it is the same, none of them has changed. It means
 * something to the engine alone, and to every process that uses the same store.
 */
export type Mark = string;

export interface Changes {
  readonly mark: Mark;
  readonly epoch: Epoch;
  /** The head of all channels that are empty: it moves with the shard, which by itself is no change of theirs. */
  readonly emptyHead: number;
  /** All channels that have got events or were forgotten since the mark asked about, and perhaps others; null: any may. */
  readonly channels: readonly Channel[] | null;
}

export interface Tail {
  readonly channel: Channel;
  readonly after: Position;
}

/** Channels that one `readTails` asks for, at most. */
export const TAILS_MAX = 250;
/** Changed channels that one `readChanges` tells, at most. */
export const CHANGES_MAX = 1_000;

export interface Comparing {
  /**
   * What has changed in a shard since a mark was given out; null stands for a mark that nobody remembers. Changes nothing.
   *
   * @param limit Where more channels have changed the answer is that any may have. Up to `CHANGES_MAX`.
   */
  readChanges(shard: number, since: Mark | null, limit: number): Promise<Changes>;

  /**
   * What `readHistory` answers for each of these channels, at one moment and in their order. Those that there was no room for
   * have null; the first never has.
   *
   * @param wanted Channels of this shard, 1 to `TAILS_MAX`.
   * @param limit Events of a channel at most.
   * @param maxBytes Stops after the event that exceeds this, about, all channels together.
   */
  readTails(
    shard: number,
    wanted: readonly Tail[],
    limit: number,
    maxBytes: number,
  ): Promise<readonly (HistoryPage | null)[]>;
}

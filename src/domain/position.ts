/**
 * Positions: where in a channel a reader is.
 *
 * An offset is born in the merge, one more than the offset of the event before it, and means nothing without its
 * epoch. Why the epoch is necessary: Redis fails over to a replica that lacks the last two events, 41 and 42. Two other
 * changes are then merged and become 41 and 42. A reader that had seen the first 42 and comes back asking for "after
 * 42" would be told that it is up to date and would never learn that its 41 and 42 are not everybody else's. So
 * when a log is found to have lost or rewritten events, the shard gets a new epoch, and a position that carries
 * the old one is answered `reset`, unless the engine knows that the log up to there is the same in both (docs/adr/0027).
 */

/** Name of one incarnation of a shard's logs: 6 characters of base 36, random. */
export type Epoch = string;

export interface Position {
  readonly epoch: Epoch;
  /** Offset of the last event seen; the next one has `offset + 1`. */
  readonly offset: number;
}

export const EPOCH_PATTERN = /^[0-9a-z]{6}$/;

/** How many epochs there are: some 2.2 · 10⁹, and only the two neighbours in time of one shard must differ. */
export const EPOCHS = 36 ** 6;

export function newEpoch(random: () => number = Math.random): Epoch {
  return epochOf(Math.floor(random() * EPOCHS));
}

/** The name of an epoch by its number, 0 ≤ number < `EPOCHS`. */
export function epochOf(number: number): Epoch {
  return number.toString(36).padStart(6, '0');
}

/**
 * The epoch of a channel in that of its shard: the same, unless its state was begun anew by another reducer. Then it is shifted by
 * the number that the channel was given for that, so that positions from before are of another epoch, and its neighbours' are not.
 *
 * @param fold 0 for a channel that never was.
 */
export function channelEpoch(epoch: Epoch, fold: number): Epoch {
  return fold === 0 ? epoch : epochOf((Number.parseInt(epoch, 36) + fold) % EPOCHS);
}

/** The number that the channel was given: the other way round. */
export function foldOf({ epoch, shardEpoch = epoch }: Pick<LogBounds, 'epoch' | 'shardEpoch'>): number {
  return (Number.parseInt(epoch, 36) - Number.parseInt(shardEpoch, 36) + EPOCHS) % EPOCHS;
}

/** For a channel whose state is begun anew. */
export function newFold(random: () => number = Math.random): number {
  return 1 + Math.floor(random() * (EPOCHS - 1));
}

/** What an engine knows of where a channel's log begins and ends. */
export interface LogBounds {
  readonly epoch: Epoch;
  /** Where it is another: that of the shard. */
  readonly shardEpoch?: Epoch;
  /** The epoch before this one, where it is known what both have in common: positions up to there are of this one as well. */
  readonly parent?: Epoch;
  /** The last offset that both have, where a single log was asked about. */
  readonly fork?: number;
  /** Offset of the newest event; of an empty channel, its shard's `events`: how many it ever made, and one for each sweep. */
  readonly head: number;
  /** The channel's first event had, or will have, an offset above this. */
  readonly base: number;
  /** Offset of the oldest event that is kept; `head + 1` when none is. */
  readonly oldest: number;
  /** An empty channel may have been another incarnation of itself before this position. */
  readonly forgotten: number;
  /** Offset of the oldest event that may be asked for, where there are older ones than are kept, in an archive. */
  readonly archivedFrom?: number;
  /** Offset of the event that told last that something was erased, where a single log was asked about. */
  readonly erased?: number;
}

/** Offset of the oldest event that may be asked for. */
export function reachOf({ oldest, archivedFrom = oldest }: LogBounds): number {
  return Math.min(oldest, archivedFrom);
}

/** Why a position cannot be resumed from. */
export type GapReason = 'epoch' | 'ahead' | 'trimmed' | 'forgotten';

/**
 * Whether everything after `position` is still there to be read.
 *
 * Above `base` that is so when the next event is kept. Below it, the position was given out while the channel was
 * empty, or it belongs to an earlier channel of the same name which was forgotten: the first may resume, the second
 * must not, and `forgotten` tells them apart.
 */
export function gapAt(position: Position, log: LogBounds): GapReason | undefined {
  if (position.epoch !== log.epoch) return 'epoch';
  if (position.offset > log.head) return 'ahead';
  if (position.offset >= log.base) return position.offset >= log.oldest - 1 ? undefined : 'trimmed';
  if (position.offset < log.forgotten) return 'forgotten';
  return log.oldest === log.base + 1 ? undefined : 'trimmed';
}

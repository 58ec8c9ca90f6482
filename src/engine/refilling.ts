/**
 * The part of an engine's contract that is for who puts back what a store has lost and an archive still has, before anything is merged
 * (docs/adr/0030). Only a store that can come back with less asks for it, by a peek that is `refill`, and only for a shard that is
 * archived.
 *
 * Until all is there nobody is told that anything is lost: `renew` keeps the epoch, and a position that is ahead of its log is not
 * judged: `readHistory` rejects. What is put back is published. A shard in which anything was put back gets a new epoch afterwards, for
 * nobody knows whether the archive had all that was lost: peeks are `unvouched` then. What is there by then is common to both epochs.
 */
import type { Change } from '../domain/change.ts';
import type { Epoch } from '../domain/position.ts';
import type { ChannelCommit } from './commit.ts';
import type { InboxEntry, PeekLimits } from './inbox.ts';

/** What a commit did to a channel. Its events have the times of merging that they had. */
export interface RefilledChannel extends Omit<ChannelCommit, 'refold'> {
  /** Offset of the oldest event that is archived; all of these are. */
  readonly archivedFrom: number;
}

export interface Refill {
  readonly token: string;
  /** As read by `peek`, or as the last refill made it. */
  readonly rev: number;
  /** As read by `peek`. */
  readonly epoch: Epoch;
  /** Each with an event at least; one that is new begins anywhere. */
  readonly channels: readonly RefilledChannel[];
  /** Entries of the inbox that became these events. Of each, as it is here, the inbox gives up the oldest. */
  readonly taken: readonly Change[];
  /** All is there: the merge may begin. */
  readonly isComplete: boolean;
  /** With the last of them: how many events the shard had made, where all of them are there now. Then no channel is missing up to there. */
  readonly events?: number;
}

export type RefillOutcome =
  /** @field rev One more, unless there were no channels. */
  | { readonly kind: 'refilled'; readonly rev: number }
  /** Nothing was written. `rev`: also where nothing is to be put back. */
  | { readonly kind: 'refused'; readonly reason: 'lease' | 'rev' | 'head' };

export interface Refilling {
  /** Entries of an inbox behind so many others, for the holder of its lease; null for anybody else. Removes nothing. */
  readInbox(shard: number, token: string, behind: number, limits: PeekLimits): Promise<readonly InboxEntry[] | null>;

  /** As atomic as a commit, and refused when it is repeated. */
  refill(shard: number, refill: Refill): Promise<RefillOutcome>;
}

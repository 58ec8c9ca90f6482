/** What a merger has made of a part of a shard's inbox, and what becomes of it: a part of the contract (`engine.ts`). */
import type { Channel } from '../domain/channel.ts';
import type { Event } from '../domain/event.ts';
import type { Epoch } from '../domain/position.ts';
import type { State } from '../domain/state.ts';

export interface Commit {
  readonly token: string;
  /** As read by `peek`. */
  readonly rev: number;
  readonly epoch: Epoch;
  /** How many entries, from the oldest, the inbox gives up. */
  readonly entries: number;
  readonly channels: readonly ChannelCommit[];
  /** Entries among them to be kept aside for an operator to look at; the newest 1,000 per shard are. */
  readonly unreadable: readonly Uint8Array[];
}

export interface ChannelCommit {
  readonly channel: Channel;
  /** As read by `load`; null when the channel must not exist yet. */
  readonly head: number | null;
  /** Contiguous; the first has `head + 1`, or the shard's `events + 1` when the channel is new. May be empty. */
  readonly events: readonly Event[];
  /** Name of the reducer that made them. */
  readonly reducer: string;
  /** As read by `load`. */
  readonly fold?: number;
  /** Only with events: the state before is dropped, for another reducer made it, and this is the channel's `fold` from these events on. */
  readonly refold?: number;
  /** Fields that changed, with the offset of the event that changed them. Only with events. */
  readonly state: State;
  /** What the whole state weighs from then on (`fieldBytes`); 0 for a channel that has none. */
  readonly stateBytes: number;
  /** The last merged seq of each publisher that was heard of. */
  readonly seqs: ReadonlyMap<string, number>;
}

export interface Committed {
  readonly kind: 'committed';
  readonly rev: number;
  readonly events: number;
  /** Entries left in the inbox. With 0, the next to come is told to those who `watch`. */
  readonly waiting: number;
}

export type CommitOutcome =
  | Committed
  /** `backlog`: too much waits to be archived, and this, too, would have to wait (`archiving.ts`). */
  | { readonly kind: 'refused'; readonly reason: 'lease' | 'rev' | 'head' | 'backlog' };

/** What somebody knows of a shard's logs that the store may have lost, and what comes of telling it: a part of the contract (`engine.ts`). */
import type { Channel } from '../domain/channel.ts';
import type { Event } from '../domain/event.ts';
import type { Epoch } from '../domain/position.ts';

export type Evidence =
  /** Somebody was told that the channel's head, or an empty channel's position, was this. */
  | { readonly kind: 'head'; readonly channel: Channel; readonly offset: number }
  /** This event was published or read; it, or another under its offset, must still be counted by the log. */
  | { readonly kind: 'event'; readonly channel: Channel; readonly event: Event }
  /** A commit with this `rev` was confirmed; under which lease, where that was the last one we know of. */
  | { readonly kind: 'rev'; readonly rev: number; readonly token?: string }
  /** After a peek that was `unvouched`. */
  | { readonly kind: 'unvouched' };

/** The epoch as it is now, of the channel where the evidence is about one. */
export type RenewOutcome = { readonly kind: 'renewed' | 'kept'; readonly epoch: Epoch };

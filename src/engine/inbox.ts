/** What a merger reads of a shard, and the lease under which it does: a part of the contract (`engine.ts`). */
import type { Change } from '../domain/change.ts';
import type { Epoch } from '../domain/position.ts';

export interface Lease {
  /** Random per acquisition: a merger that lost its lease and takes it again comes with another token. */
  readonly token: string;
  /** For how long the shard is its without it coming back, milliseconds. */
  readonly ms: number;
  /** False: a lease that is nobody's is left to others. Default true. */
  readonly takes?: boolean;
  /** Whether its holder can put back what the store has lost (`refilling.ts`). Default false: then the store goes on without. */
  readonly refills?: boolean;
}

export interface PeekLimits {
  readonly maxEntries: number;
  /** Stops after the entry that exceeds this; at least one entry is returned whatever its size. */
  readonly maxBytes: number;
}

export type Peek =
  /** Another token has the lease, for so many milliseconds at most. */
  | { readonly kind: 'held'; readonly remainingMs: number }
  /** It is nobody's, or over, and the caller does not take it. */
  | { readonly kind: 'free' }
  /** The lease is the caller's, but nobody can say whether the store has lost anything: to be renewed for that (`renew`). */
  | { readonly kind: 'unvouched'; readonly epoch: Epoch }
  /** The lease is the caller's, but the store may have come back with less than is archived: to be refilled first (`refilling.ts`). */
  | {
      readonly kind: 'refill';
      readonly epoch: Epoch;
      readonly rev: number;
      /** When it came back: a channel that it does not know was begun by what it has lost if its first event is above, and else forgotten. */
      readonly events: number;
      /** Entries in the inbox. */
      readonly waiting: number;
    }
  | {
      readonly kind: 'entries';
      readonly epoch: Epoch;
      readonly rev: number;
      /** Entries in the inbox, those returned included. */
      readonly waiting: number;
      /** Events the shard ever made, and one for each sweep that forgot channels: the first event of a channel that does not exist gets this + 1. */
      readonly events: number;
      readonly entries: readonly InboxEntry[];
    };

/** All that an inbox held when it was empty no more. */
export interface Found {
  readonly epoch: Epoch;
  readonly rev: number;
  /** At least one. */
  readonly entries: readonly InboxEntry[];
}

export type InboxEntry =
  | { readonly kind: 'change'; readonly change: Change }
  /** Nothing any version has written: it is to be set aside, so that the shard goes on. */
  | { readonly kind: 'unreadable'; readonly raw: Uint8Array }
  /** Accepted by a newer version. Only a merger of that version can tell what it is: no other may take it out of the inbox. */
  | { readonly kind: 'newer'; readonly format: number };

/**
 * The part of an engine's contract that is for who takes away what a publisher sent (docs/adr/0031): in pieces, each of them one
 * atomic step, which may be taken again.
 *
 * An erased event stays in its place, without bytes and without a publisher. Whoever has a copy of it is told by an event that follows
 * at the head, which is as empty: who has taken that reads what lies before it again. So no position changes, and no epoch.
 */
import type { Channel } from '../domain/channel.ts';
import type { Event } from '../domain/event.ts';
import type { Epoch } from '../domain/position.ts';

export interface SentEvent {
  readonly event: Event;
  /**
   * The field of the state that counts it, in decimal digits: one less from now on, and gone where nothing is left. Once, whether the event
   * is kept or not: up to where that was done is remembered of each channel and name. Null where none does.
   */
  readonly countedIn: string | null;
}

export interface Erasure {
  readonly channel: Channel;
  /** Of the channel, in which its events were read: in another one nothing is erased. */
  readonly epoch: Epoch;
  /** Of the publisher, whatever its nonces. */
  readonly name: string;
  /** What it sent, in the order of their offsets; those that are erased already, or kept no more, are no news. Up to `ERASE_EVENTS_MAX`. */
  readonly events: readonly SentEvent[];
  /** All that it sent up to this offset is among them, or was erased before, or is nowhere. */
  readonly through: number;
  /** The field of the state that is this publisher's: it goes where it was changed last up to there. Null where none is. */
  readonly field: string | null;
  /** Whether the channel is told also where nothing is found here: it was erased in an archive. */
  readonly isTold?: boolean;
  /** Milliseconds since 1970: when the event was made that tells of it. */
  readonly atMs: number;
}

export interface Erased {
  readonly events: number;
  /** That went, or count less. */
  readonly fields: number;
}

/** Events of one erasure, and about their bytes: a store is busy with them for a millisecond or two. */
export const ERASE_EVENTS_MAX = 1_000;
export const ERASE_MAX_BYTES = 256 << 10;

export const NOTHING_ERASED: Erased = { events: 0, fields: 0 };

export interface Erasing {
  /** One step, which counts as a commit (`rev` + 1) where anything is written. Resolves to null where the channel has another epoch. */
  erase(shard: number, erasure: Erasure): Promise<Erased | null>;

  /**
   * Changes of that publisher that wait in an inbox lose their bytes and stay in their place: their seqs count when they are merged, and nothing
   * else comes of them. Of what was set aside because nobody could read it, all goes that has the name in it. Counts as a commit where
   * anything is found. Resolves to how many there were.
   */
  eraseWaiting(shard: number, name: string): Promise<number>;

  /** To be called when all is erased: where it lay in files of the engine's own, these are written anew. */
  scrub(): Promise<void>;
}

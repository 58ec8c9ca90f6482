/** Pages: what a hub gives to a reader that asks for the events after its position. */
import type { Event } from '../../domain/event.ts';
import type { Epoch, GapReason, LogBounds } from '../../domain/position.ts';

export type HubPage = HubEvents | HubGap;

/** All events after the asked position and up to `through`, where a reader is that has taken them. */
export interface HubEvents {
  readonly kind: 'events';
  readonly events: readonly Event[];
  readonly through: number;
  /** Of the log: that of the position, or the one after it where the position is of both. */
  readonly epoch: Epoch;
}

export interface HubGap {
  readonly kind: 'gap';
  readonly reason: GapReason;
  /** What was asked for is not kept, and may be in the archive, which does not answer. */
  readonly isArchiveAway?: boolean;
  readonly log: LogBounds;
}

/** Events in a page at most: some 0.1 MB where changes are a byte. */
export const PAGE_EVENTS = 500;
/** Bytes of changes in a page, and one change more: what a store reads, and a turn of the event loop takes, without anybody noticing. */
export const PAGE_BYTES = 256 << 10;

/**
 * What lies beyond the hub's head is left for later: it comes to the ring first, and from there to everybody in order. And
 * what came to that head while the page was being read is not in it: the page reaches to the head that was read with it.
 *
 * @param found Events after `after`, read together with `read`, where their log is.
 * @param head The hub's.
 */
export function pageOf(
  found: readonly Event[],
  read: { readonly epoch: Epoch; readonly head: number },
  after: number,
  head: number,
): HubEvents {
  const events = found.filter(({ offset }) => offset <= head);
  // Only where nothing lies between can the head be further on than the last event.
  const through = events.at(-1)?.offset ?? Math.min(head, read.head);
  return { kind: 'events', events, through: Math.max(after, through), epoch: read.epoch };
}

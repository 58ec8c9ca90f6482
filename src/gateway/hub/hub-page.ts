/** Pages: what a hub gives to a reader that asks for the events after its position. */
import type { Event } from '../../domain/event.ts';
import type { GapReason, LogBounds } from '../../domain/position.ts';

export type HubPage =
  /** All events after the asked position and up to `through`, where a reader is that has taken them. */
  { readonly kind: 'events'; readonly events: readonly Event[]; readonly through: number } | HubGap;

export interface HubGap {
  readonly kind: 'gap';
  readonly reason: GapReason;
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
 * @param found Events after `after`, read together with `readHead`.
 * @param head The hub's.
 */
export function pageOf(
  found: readonly Event[],
  readHead: number,
  after: number,
  head: number,
): HubPage & { readonly kind: 'events' } {
  const events = found.filter(({ offset }) => offset <= head);
  // Only where nothing lies between can the head be further on than the last event.
  const through = events.at(-1)?.offset ?? Math.min(head, readHead);
  return { kind: 'events', events, through: Math.max(after, through) };
}

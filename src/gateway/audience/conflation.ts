/**
 * Conflation: for readers that want the newest of each publisher at a bounded pace, not every step on the way (P28).
 *
 * What is left out is never silent: its number is told in `$lagged`. Order and cursors stay as they are, so that a reader
 * that is cut off anywhere resumes without missing what it still has to see.
 */
import { nameOf } from '../../domain/change.ts';
import { type Event, isErased } from '../../domain/event.ts';

/** Whose newest it may be: of those that were erased nobody knows whose they were, and the last tells as much as all. */
export function nameIn(event: Event): string {
  return isErased(event) ? '' : nameOf(event.from);
}

export interface Conflated {
  /** The newest event of each publisher's name, in the order of their offsets. */
  readonly kept: readonly Event[];
  readonly folded: number;
}

export function conflate(events: readonly Event[]): Conflated {
  const names = new Set<string>();
  const kept: Event[] = [];
  for (const event of events.toReversed()) {
    const name = nameIn(event);
    if (names.has(name)) continue;
    names.add(name);
    kept.push(event);
  }
  return { kept: kept.reverse(), folded: events.length - kept.length };
}

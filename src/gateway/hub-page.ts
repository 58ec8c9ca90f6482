/** What a hub gives to a reader that asks for the events after its position. */
import type { Event } from '../domain/event.ts';
import type { GapReason, LogBounds } from '../domain/position.ts';

export type HubPage =
  /** All events after the asked position and up to `through`, where a reader is that has taken them. */
  { readonly kind: 'events'; readonly events: readonly Event[]; readonly through: number } | HubGap;

export interface HubGap {
  readonly kind: 'gap';
  readonly reason: GapReason;
  readonly log: LogBounds;
}

/**
 * Portions: what lies behind a stream, in pieces of about what its connection may have waiting. A client that does not read
 * holds one of them, however much is kept for those who do.
 *
 * Streams that stand where others do are given the same bytes, as long as the garbage collector leaves them.
 */
import { type Event, isErased } from '../../domain/event.ts';
import type { Position } from '../../domain/position.ts';
import type { Hub } from '../hub/hub.ts';
import { cursorWriter } from '../stream/sync.ts';
import type { Audience } from './audience.ts';
import { nameIn } from './conflation.ts';
import { encodeAll } from './encoder.ts';
import type { Fresh } from './told.ts';

export interface Portion {
  readonly bytes: Buffer;
  /** How many, from the first one on. */
  readonly events: number;
}

interface KeptPortion extends Portion {
  /** What it was made for: channel, how many events it might have, and the stream's positions. */
  readonly key: string;
}

/** What a frame has beside the change and the cursor's offsets. */
const FRAME_BYTES = 40;
/** Of a cursor, for each channel. */
const OFFSET_BYTES = 8;

/** By the last event that they might have. */
const kept = new WeakMap<Audience, WeakMap<Event, WeakRef<KeptPortion>>>();

/** Whether a ring has more for a stream. What only a conflating audience still has comes with its next flush. */
export function hasPortions(hub: Hub, position: Position): boolean {
  return hub.covers(position) && position.offset < hub.head;
}

/** Whether what is left for a stream at these positions, all covered by its audience, is a portion at most. */
export function isLittle(audience: Audience, positions: readonly Position[], maxBytes: number): boolean {
  let room = maxBytes;
  for (const [i, hub] of audience.hubs.entries()) {
    if (!hasPortions(hub, positions[i]!)) continue;
    const events = hub.after(positions[i]!.offset);
    const { count, bytes } = measure(audience, events, room);
    if (count < events.length) return false;
    room -= bytes;
  }
  return true;
}

/**
 * The frames of the first of these events: as many as fit, and at least one.
 *
 * @param fresh Of the channel of this index, from its position on; at least one.
 */
export function portionOf(
  audience: Audience,
  index: number,
  positions: readonly Position[],
  { events, after }: Fresh,
  maxBytes: number,
): Portion {
  const count = Math.max(1, measure(audience, events, maxBytes).count);
  // An event that is kept may be the same while one before it was erased.
  const erased = events.reduce((sum, event, i) => (i < count && isErased(event) ? sum + 1 : sum), 0);
  const key = `${index} ${after} ${count} ${erased} ${positions.map(({ epoch, offset }) => `${epoch}.${offset}`)}`;
  const last = events[count - 1]!;
  const ofAudience = kept.get(audience) ?? new WeakMap<Event, WeakRef<KeptPortion>>();
  kept.set(audience, ofAudience);
  const known = ofAudience.get(last)?.deref();
  if (known?.key === key) return known;
  const portion = {
    key,
    ...encodeWithin(audience, index, positions, { events: events.slice(0, count), after }, maxBytes),
  };
  ofAudience.set(last, new WeakRef(portion));
  return portion;
}

/** What a format escapes may become six times as long: then there is less of it. */
function encodeWithin(
  audience: Audience,
  index: number,
  positions: readonly Position[],
  { events, after }: Fresh,
  maxBytes: number,
): Portion {
  const cursorAt = cursorWriter(audience.hubs, positions, audience.format.joinsCursors);
  const bytes = encodeAll(audience, index, { events, after }, (offset) => cursorAt(index, offset)).toBytes();
  if (bytes.length <= 2 * maxBytes || events.length === 1) return { bytes, events: events.length };
  return encodeWithin(audience, index, positions, { events: events.slice(0, events.length >> 1), after }, maxBytes);
}

/** How many of the events, from the first one on, are written in so many bytes, and in how many. */
function measure(audience: Audience, events: readonly Event[], maxBytes: number): { count: number; bytes: number } {
  const frameBytes = FRAME_BYTES + OFFSET_BYTES * audience.hubs.length;
  const newest = audience.heldBack ? new Map<string, number>() : null;
  let bytes = 0;
  for (const [count, event] of events.entries()) {
    const cost = event.bytes.length + frameBytes;
    const next = bytes + cost - (newest?.get(nameIn(event)) ?? 0);
    if (next > maxBytes) return { count, bytes };
    newest?.set(nameIn(event), cost);
    bytes = next;
  }
  return { count: events.length, bytes };
}

/** Encoding: the frames of events in an audience's format, each with the cursor of who has seen it, so many at a time. */
import { type CursorPrefix, formatCursor } from '../../domain/cursor.ts';
import type { Event } from '../../domain/event.ts';
import type { Format } from '../formats/format.ts';
import type { Hub } from '../hub/hub.ts';
import { conflate } from './conflation.ts';
import { Frames } from './frames.ts';
import type { HeldBack } from './held-back.ts';
import type { Fresh } from './told.ts';

/** What an encoder needs of an audience. */
export interface Encodable {
  readonly hubs: readonly Hub[];
  readonly format: Format;
  /** Of its cursors, as long as no hub starts over. */
  readonly prefix: CursorPrefix;
  /** Where it takes events from whose names are told once a flush; null for one that takes all of its hubs. */
  readonly heldBack: HeldBack | null;
}

/** Frames of the events after some offsets, which have moved along. */
export interface Encoded {
  readonly frames: Frames;
  /** Told, or left out and counted. */
  readonly events: number;
  /** Nothing is left. */
  readonly isAll: boolean;
}

/**
 * What there is after these offsets, which move along.
 *
 * @param maxLength Characters; exceeded by the last frame at most.
 */
export function encodeNext(audience: Encodable, offsets: number[], maxLength: number): Encoded {
  const { hubs, format, prefix, heldBack } = audience;
  const frames = new Frames();
  let events = 0;
  for (let i = 0; i < hubs.length; i++) {
    const after = offsets[i]!;
    const fresh = heldBack === null ? hubs[i]!.after(after) : heldBack.after(i, after).events;
    if (fresh.length === 0) continue;
    if (frames.length >= maxLength) return { frames, events, isAll: false };
    const { channel } = hubs[i]!;
    // What was left out is told before them, and known after them.
    const own = heldBack === null ? frames : new Frames();
    const room = heldBack === null ? maxLength : maxLength - frames.length;
    let count = 0;
    while (count < fresh.length && own.length < room) {
      const event = fresh[count++]!;
      offsets[i] = event.offset;
      own.addEvent(format, event, channel, formatCursor(prefix, offsets));
    }
    const folded = heldBack === null ? 0 : offsets[i]! - heldBack.after(i, after).after - count;
    if (folded > 0) frames.add(lagged(audience, i, folded));
    if (own !== frames) frames.addAll(own);
    events += count + folded;
    if (count < fresh.length) return { frames, events, isAll: false };
  }
  return { frames, events, isAll: true };
}

/**
 * The frames of all of these events of the channel of an index, at least one, for a stream that catches up.
 *
 * @param cursorAt The cursor of a stream that has seen the event of an offset.
 */
export function encodeAll(
  audience: Encodable,
  index: number,
  { events, after }: Fresh,
  cursorAt: (offset: number) => string,
): Frames {
  const { channel } = audience.hubs[index]!;
  const frames = new Frames();
  let kept: readonly Event[] = events;
  if (audience.heldBack !== null) {
    kept = conflate(events).kept;
    const folded = kept.at(-1)!.offset - after - kept.length;
    if (folded > 0) frames.add(lagged(audience, index, folded));
  }
  for (const event of kept) frames.addEvent(audience.format, event, channel, cursorAt(event.offset));
  return frames;
}

function lagged({ format, hubs }: Encodable, index: number, folded: number): string {
  return format.control({ event: '$lagged', data: { channel: hubs[index]!.channel, folded } });
}

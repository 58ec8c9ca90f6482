/**
 * History: the newest events of a channel, contiguous, with the oldest given up first.
 *
 * Used by the memory engine (where it is the log) and by a hub's ring (where it is a copy of the log's tail).
 * Invariant: `events[i].offset = oldest + i`, and the last one has offset `head`.
 */
import type { Event } from './event.ts';

export class History {
  #events: Event[] = [];
  /** Everything after this position that exists is held here. Below `oldest - 1` only while the channel was empty. */
  #floor: number;
  #head: number;
  #bytes = 0;

  constructor(floor: number, head: number = floor) {
    this.#floor = floor;
    this.#head = head;
  }

  /** A reader at `floor` or later misses nothing by reading from here. */
  get floor(): number {
    return this.#floor;
  }

  get head(): number {
    return this.#head;
  }

  get size(): number {
    return this.#events.length;
  }

  /** Sum of the events' own bytes; what they cost beside that is up to the holder's account. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Offset of the oldest event held; `head + 1` when none is. */
  get oldest(): number {
    return this.#events[0]?.offset ?? this.#head + 1;
  }

  at(offset: number): Event | undefined {
    return this.#events[offset - this.oldest];
  }

  /** This one is in the place of the one of its offset, where that is held. */
  replace(event: Event): void {
    const at = event.offset - this.oldest;
    const held = this.#events[at];
    if (held === undefined) return;
    this.#events[at] = event;
    this.#bytes += event.bytes.length - held.bytes.length;
  }

  /** Adds the events that follow: the first is `head + 1`, or any later one if nothing can lie between. */
  append(events: readonly Event[]): void {
    for (const event of events) {
      this.#events.push(event);
      this.#bytes += event.bytes.length;
      this.#head = event.offset;
    }
  }

  /** Adds the events that come just before the oldest one held, and everything after `floor` is held from then on. */
  prepend(events: readonly Event[], floor: number): void {
    this.#events = [...events, ...this.#events];
    for (const event of events) this.#bytes += event.bytes.length;
    this.#floor = floor;
  }

  /** The events after `offset`, oldest first, at most `limit`; at least one, then none behind the one that exceeds `maxBytes`. */
  after(
    offset: number,
    limit: number = Number.POSITIVE_INFINITY,
    maxBytes: number = Number.POSITIVE_INFINITY,
  ): Event[] {
    const start = Math.max(0, offset + 1 - this.oldest);
    const last = Math.min(this.#events.length, start + limit);
    if (maxBytes === Number.POSITIVE_INFINITY) return this.#events.slice(start, last);
    let end = start;
    for (let bytes = 0; end < last && bytes <= maxBytes; end++) bytes += this.#events[end]!.bytes.length;
    return this.#events.slice(start, end);
  }

  /** The same from the other end: the newest events, oldest first. */
  newest(limit: number, maxBytes: number): Event[] {
    const first = Math.max(0, this.#events.length - limit);
    let start = this.#events.length;
    for (let bytes = 0; start > first && bytes <= maxBytes; ) bytes += this.#events[--start]!.bytes.length;
    return this.#events.slice(start);
  }

  /** Gives up the oldest events until at most `count` are left. */
  trimTo(count: number): void {
    const excess = this.#events.length - count;
    if (excess <= 0) return;
    const gone = this.#events.splice(0, excess);
    for (const event of gone) this.#bytes -= event.bytes.length;
    this.#floor = gone[excess - 1]!.offset;
  }
}

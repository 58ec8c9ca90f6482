/**
 * A hub's ring: a copy of the newest end of a channel's log, whose size somebody keeps account of.
 *
 * Invariant: what `account` was told, summed up, is what the events held here cost.
 */
import { type Event, sameEvent } from '../../domain/event.ts';
import { History } from '../../domain/history.ts';

/** Newest events a ring keeps; further back, history is read. */
const RING_MAX_EVENTS = 1024;
/** What an event costs beside its bytes. */
const EVENT_OVERHEAD_BYTES = 160;

export class Ring {
  readonly #account: (bytes: number) => void;
  #history = new History(0);
  #cost = 0;

  /** @param account Told by how much the ring grew or shrank, in bytes. */
  constructor(account: (bytes: number) => void) {
    this.#account = account;
  }

  get floor(): number {
    return this.#history.floor;
  }

  get head(): number {
    return this.#history.head;
  }

  /** Of the changes held here; 0 where there are none. */
  get meanBytes(): number {
    return this.#history.size === 0 ? 0 : this.#history.bytes / this.#history.size;
  }

  /** Whether another event is held at its offset. */
  contradicts(event: Event): boolean {
    const held = this.at(event.offset);
    return held !== undefined && !sameEvent(held, event);
  }

  at(offset: number): Event | undefined {
    return this.#history.at(offset);
  }

  after(offset: number, limit?: number): Event[] {
    return this.#history.after(offset, limit);
  }

  /** Begins anew, with nothing between the two positions. */
  begin(floor: number, head: number = floor): void {
    this.#history = new History(floor, head);
    this.#settle();
  }

  append(events: readonly Event[]): void {
    this.#history.append(events);
    if (this.#history.size > RING_MAX_EVENTS) this.#history.trimTo(RING_MAX_EVENTS);
    this.#settle();
  }

  /** Takes those of a page that end where the ring begins, so that the next who asks is served from here. */
  extendBack(after: number, page: readonly Event[]): void {
    const older = page.filter(({ offset }) => offset < this.#history.oldest);
    const joins = older.at(-1)?.offset === this.#history.floor;
    if (!joins || this.#history.size + older.length > RING_MAX_EVENTS) return;
    this.#history.prepend(older, after);
    this.#settle();
  }

  /** Gives up the older half; never the last event, by which a rewritten log is found out. */
  shrink(): void {
    this.#history.trimTo(Math.max(1, this.#history.size >> 1));
    this.#settle();
  }

  #settle(): void {
    const cost = this.#history.bytes + this.#history.size * EVENT_OVERHEAD_BYTES;
    if (cost !== this.#cost) this.#account(cost - this.#cost);
    this.#cost = cost;
  }
}

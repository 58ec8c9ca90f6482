/**
 * A hub's ring: a copy of the newest end of a channel's log, whose size somebody keeps account of.
 *
 * Invariant: what `account` was told, summed up, is what the events held here cost; and that is within the ring's own bound,
 * unless it is a single event.
 */
import { type Event, isErased, sameEvent } from '../../domain/event.ts';
import { History } from '../../domain/history.ts';

/** Newest events a ring keeps; further back, history is read. */
const RING_MAX_EVENTS = 1024;
/** What an event costs beside its bytes. */
const EVENT_OVERHEAD_BYTES = 160;

export function eventCost(event: Event): number {
  return event.bytes.length + EVENT_OVERHEAD_BYTES;
}

/** Who is told by how much something grew or shrank, bytes. An object, for a closure of each hub would weigh more than its ring. */
export interface Account {
  account(bytes: number): void;
}

export class Ring {
  readonly #account: Account;
  readonly #maxBytes: number;
  #history = new History(0);
  #cost = 0;
  #erasures = 0;

  /** @param maxBytes What it may cost by itself. */
  constructor(account: Account, maxBytes: number = Number.POSITIVE_INFINITY) {
    this.#account = account;
    this.#maxBytes = maxBytes;
  }

  get floor(): number {
    return this.#history.floor;
  }

  get head(): number {
    return this.#history.head;
  }

  get size(): number {
    return this.#history.size;
  }

  /** How often it was told that events were erased. */
  get erasures(): number {
    return this.#erasures;
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

  /** With one that says that others were erased, all before it goes: what is held here may have been. */
  append(events: readonly Event[]): void {
    const told = events.findLastIndex(isErased);
    if (told !== -1) {
      this.#erasures++;
      this.#history = new History(events[told]!.offset - 1);
    }
    this.#history.append(told === -1 ? events : events.slice(told));
    if (this.#history.size > RING_MAX_EVENTS) this.#history.trimTo(RING_MAX_EVENTS);
    // By halves, so that what is kept is not moved for every event that comes.
    while (this.#costNow > this.#maxBytes && this.size > 1) this.#halve();
    this.#settle();
  }

  /** Takes those of a page that end where the ring begins, so that the next who asks is served from here. */
  extendBack(after: number, page: readonly Event[]): void {
    const older = page.filter(({ offset }) => offset < this.#history.oldest);
    const joins = older.at(-1)?.offset === this.#history.floor;
    if (!joins || this.#history.size + older.length > RING_MAX_EVENTS) return;
    let cost = this.#cost;
    for (const event of older) cost += eventCost(event);
    if (cost > this.#maxBytes) return;
    this.#history.prepend(older, after);
    this.#settle();
  }

  /** Gives up the older half; never the last event, by which a rewritten log is found out. */
  shrink(): void {
    this.#halve();
    this.#settle();
  }

  #halve(): void {
    this.#history.trimTo(Math.max(1, this.#history.size >> 1));
  }

  get #costNow(): number {
    return this.#history.bytes + this.#history.size * EVENT_OVERHEAD_BYTES;
  }

  /** The last step of each change: who keeps account may ask for less at once. */
  #settle(): void {
    const grown = this.#costNow - this.#cost;
    this.#cost += grown;
    if (grown !== 0) this.#account.account(grown);
  }
}

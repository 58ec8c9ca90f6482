/**
 * Members in an order, each linked to its neighbours: whatever is done takes the same time however many there are.
 *
 * A `Set` keeps an order as well, but is copied as a whole now and then: with 80,000 members that are taken out and put back, one
 * turn of the event loop of 30 ms. And each copy is kept alive by the one before it, with what were its members, until V8 collects
 * the whole heap: of what comes and goes all the time that is most.
 */

/** Both are undefined while it is in no chain; it may be in one at a time. */
export interface Linked {
  previous: Linked | undefined;
  next: Linked | undefined;
}

export class Chain<T extends Linked> {
  /** Before the first and behind the last. */
  readonly #ends: Linked;

  constructor() {
    const ends: Linked = { previous: undefined, next: undefined };
    ends.previous = ends.next = ends;
    this.#ends = ends;
  }

  get first(): T | undefined {
    return this.after(this.#ends);
  }

  /** @returns undefined behind the last. */
  after(one: Linked): T | undefined {
    return one.next === this.#ends ? undefined : (one.next as T);
  }

  /** From the first to the last. Of the members only the one that is at hand may be removed meanwhile. */
  *[Symbol.iterator](): IterableIterator<T> {
    for (let one = this.first; one !== undefined; ) {
      const next = this.after(one);
      yield one;
      one = next;
    }
  }

  /** It is the last from now on, wherever it was. */
  append(one: T): void {
    this.remove(one);
    const last = this.#ends.previous!;
    one.previous = last;
    one.next = this.#ends;
    last.next = this.#ends.previous = one;
  }

  has(one: T): boolean {
    return one.next !== undefined;
  }

  /** @returns Whether it was there. */
  remove(one: T): boolean {
    const { previous, next } = one;
    if (previous === undefined || next === undefined) return false;
    previous.next = next;
    next.previous = previous;
    one.previous = one.next = undefined;
    return true;
  }
}

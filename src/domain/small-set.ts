/**
 * A set that has one member as a rule, such as the readers of a channel of which there are a hundred thousand.
 *
 * Alone, its member is held directly: 24 bytes, where a `Set` of one costs 200. From the second on it is a `Set`.
 * A walk over it sees what was a member when it began, and may or may not see what comes and goes meanwhile.
 */
export class SmallSet<T extends object> {
  #only: T | null = null;
  #several: Set<T> | null = null;

  get size(): number {
    return this.#several?.size ?? (this.#only === null ? 0 : 1);
  }

  add(member: T): void {
    if (this.#several !== null) {
      this.#several.add(member);
    } else if (this.#only === null || this.#only === member) {
      this.#only = member;
    } else {
      this.#several = new Set([this.#only, member]);
      this.#only = null;
    }
  }

  /** @returns Whether it was a member. */
  delete(member: T): boolean {
    if (this.#several !== null) return this.#several.delete(member);
    const wasMember = this.#only === member;
    if (wasMember) this.#only = null;
    return wasMember;
  }

  values(): IterableIterator<T> {
    return (this.#several ?? (this.#only === null ? [] : [this.#only])).values();
  }

  [Symbol.iterator](): IterableIterator<T> {
    return this.values();
  }
}

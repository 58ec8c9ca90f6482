/** Things that are to be done at a later tick: one timer looks, whatever their number. */
export class Due<T> {
  readonly #tickMs: number;
  readonly #slots = new Map<number, T[]>();
  #done: number;

  constructor(tickMs: number, now: number) {
    this.#tickMs = tickMs;
    this.#done = Math.floor(now / tickMs);
  }

  add(thing: T, atMs: number): void {
    const slot = Math.max(this.#done + 1, Math.ceil(atMs / this.#tickMs));
    const things = this.#slots.get(slot);
    if (things) things.push(thing);
    else this.#slots.set(slot, [thing]);
  }

  /** @returns What has become due by now, oldest first. */
  take(now: number): T[] {
    const until = Math.floor(now / this.#tickMs);
    if (this.#slots.size === 0) {
      this.#done = until;
      return [];
    }
    const taken: T[] = [];
    for (; this.#done < until; this.#done++) {
      const things = this.#slots.get(this.#done + 1);
      if (things === undefined) continue;
      this.#slots.delete(this.#done + 1);
      taken.push(...things);
    }
    return taken;
  }
}

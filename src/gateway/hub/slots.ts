/** Slots: so many calls at a time, the others in the order in which they came. */
export class Slots {
  readonly #max: number;
  #taken = 0;
  /** From `#next` on those that wait: a queue that is not moved at every step. */
  #queue: (() => void)[] = [];
  #next = 0;

  /** @param max Calls under way at most. */
  constructor(max: number) {
    this.#max = max;
  }

  async run<T>(call: () => Promise<T>): Promise<T> {
    if (this.#taken < this.#max) this.#taken++;
    else await new Promise<void>((resolve) => this.#queue.push(resolve));
    try {
      return await call();
    } finally {
      this.#release();
    }
  }

  /** The slot goes on to the next in the queue, where there is one. */
  #release(): void {
    const next = this.#queue[this.#next];
    if (!next) {
      this.#taken--;
      return;
    }
    this.#next++;
    if (this.#next === this.#queue.length) {
      this.#queue = [];
      this.#next = 0;
    }
    next();
  }
}

/**
 * The memory that all shards of a merger share for what they know: bounded in bytes, what was used least lately goes first.
 *
 * One bound for all, because channels are not spread over shards by what they weigh. What a round uses stays until it ends.
 */

export interface Remembered {
  /** What it was counted for, bytes. */
  weight: number;
  isInUse: boolean;
  /** Told when it is given up. */
  forget(): void;
}

export class Memory {
  readonly #maxBytes: number;
  /** The one used least lately first. */
  readonly #order = new Set<Remembered>();
  #bytes = 0;

  /** @param maxBytes About. More only where what is in use is more. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** It is the one used last. */
  use(one: Remembered): void {
    this.#order.delete(one);
    this.#order.add(one);
  }

  /** It weighs so much from now on; others may have to go for it. */
  weigh(one: Remembered, weight: number): void {
    this.#bytes += weight - one.weight;
    one.weight = weight;
    if (this.#bytes <= this.#maxBytes) return;
    for (const oldest of this.#order) {
      if (!oldest.isInUse) this.drop(oldest);
      if (this.#bytes <= this.#maxBytes) return;
    }
  }

  drop(one: Remembered): void {
    if (!this.#order.delete(one)) return;
    this.#bytes -= one.weight;
    one.forget();
  }
}

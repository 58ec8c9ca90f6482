/**
 * The memory that all shards of a merger share for what they know: bounded in bytes, what was used least lately goes first.
 *
 * One bound for all, because channels are not spread over shards by what they weigh. What a round uses stays until it ends.
 */
import { Chain, type Linked } from '../domain/chain.ts';

export interface Remembered extends Linked {
  /** What it was counted for, bytes. */
  weight: number;
  isInUse: boolean;
  /** Told when it is given up. */
  forget(): void;
}

/** Given up in one turn of the event loop: a fraction of a millisecond. */
const DROPPED_A_TURN = 256;

export class Memory {
  readonly #maxBytes: number;
  /** The one used least lately first. */
  readonly #order = new Chain<Remembered>();
  /** To be given up. They count until then. */
  readonly #leaving: Iterator<Remembered>[] = [];
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
    this.#order.append(one);
  }

  /** It weighs so much from now on; others may have to go for it. */
  weigh(one: Remembered, weight: number): void {
    this.#bytes += weight - one.weight;
    one.weight = weight;
    for (let oldest = this.#order.first; oldest && this.#bytes > this.#maxBytes; ) {
      const next = this.#order.after(oldest);
      if (!oldest.isInUse) this.drop(oldest);
      oldest = next;
    }
  }

  drop(one: Remembered): void {
    if (!this.#order.remove(one)) return;
    this.#bytes -= one.weight;
    one.forget();
  }

  /** All of them, a few in a turn: a store that is away has every shard forget at once. */
  dropSoon(ones: Iterable<Remembered>): void {
    this.#leaving.push(ones[Symbol.iterator]());
    if (this.#leaving.length === 1) setImmediate(() => this.#dropSome());
  }

  #dropSome(): void {
    for (let i = 0; i < DROPPED_A_TURN && this.#leaving.length > 0; i++) {
      const next = this.#leaving[0]!.next();
      if (next.done) this.#leaving.shift();
      else this.drop(next.value);
    }
    if (this.#leaving.length > 0) setImmediate(() => this.#dropSome());
  }
}

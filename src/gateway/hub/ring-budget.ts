/**
 * The budget of all rings of a gateway: kept at the moment at which it is exceeded, by halving one ring after the other.
 *
 * Only rings that have more than their last event are asked: where none has, what is held is one event for each channel that
 * somebody reads, and nothing is tried in vain.
 */
import { Chain, type Linked } from '../../domain/chain.ts';

/** Whatever holds a ring. */
export interface RingHolder extends Linked {
  /** Whether its ring has more than its last event. */
  readonly canShrink: boolean;
  shrink(): void;
}

export class RingBudget {
  readonly #maxBytes: number;
  /** Those that can give something up; the one that was halved last, at the end. */
  readonly #shrinkable = new Chain<RingHolder>();
  #bytes = 0;
  #isKeeping = false;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** What all of them hold, and what shares their budget. */
  get bytes(): number {
    return this.#bytes;
  }

  get isExceeded(): boolean {
    return this.#bytes > this.#maxBytes;
  }

  /** Told by how much one has grown or shrunk. */
  settled(bytes: number, holder: RingHolder): void {
    this.#bytes += bytes;
    if (!holder.canShrink) this.#shrinkable.remove(holder);
    else if (!this.#shrinkable.has(holder)) this.#shrinkable.append(holder);
    this.#keepIfExceeded();
  }

  /** Something that is no ring has grown or shrunk by so many bytes; rings make room for it. */
  shared(bytes: number): void {
    this.#bytes += bytes;
    this.#keepIfExceeded();
  }

  #keepIfExceeded(): void {
    if (this.isExceeded && !this.#isKeeping) this.#keep();
  }

  #keep(): void {
    this.#isKeeping = true;
    for (let holder = this.#shrinkable.first; holder && this.isExceeded; holder = this.#shrinkable.first) {
      // One that still has more than an event comes back to the end, and has its turn again.
      this.#shrinkable.remove(holder);
      holder.shrink();
    }
    this.#isKeeping = false;
  }
}

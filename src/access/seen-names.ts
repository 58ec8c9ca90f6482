/**
 * Names that changes were sent to here: a million of them, 8 MiB. Where a row of eight is full, the name that was used least lately goes.
 *
 * What is lately is told by counting uses, which takes no look at a clock: one is asked for with each change.
 */
import type { KeyHash } from './key-hash.ts';

const PLACES_PER_ROW = 8;
const PLACES = 1 << 20;
const ROW_MASK = PLACES / PLACES_PER_ROW - 1;
/** Uses that count as one moment: 32 bits of them are a year of 100,000 changes a second. */
const USES_PER_MOMENT = 1_024;

export class SeenNames {
  /** 0 where none is. */
  readonly #marks = new Uint32Array(PLACES);
  /** Moments; 0 where none is. */
  readonly #used = new Uint32Array(PLACES);
  #moment = 1;
  #usesLeft = USES_PER_MOMENT;

  /** Whether it is there; it was used now if it is. */
  has({ place, mark }: KeyHash): boolean {
    const at = this.#find(place, mark);
    if (this.#marks[at] !== mark) return false;
    this.#use(at);
    return true;
  }

  add({ place, mark }: KeyHash): void {
    const at = this.#find(place, mark);
    this.#marks[at] = mark;
    this.#use(at);
  }

  #use(at: number): void {
    this.#used[at] = this.#moment;
    if (--this.#usesLeft > 0) return;
    this.#usesLeft = USES_PER_MOMENT;
    this.#moment++;
  }

  /** Its place, or the one that it may have. */
  #find(place: number, mark: number): number {
    const row = (place & ROW_MASK) * PLACES_PER_ROW;
    let oldest = row;
    for (let at = row; at < row + PLACES_PER_ROW; at++) {
      if (this.#marks[at] === mark) return at;
      if (this.#used[at]! < this.#used[oldest]!) oldest = at;
    }
    return oldest;
  }
}

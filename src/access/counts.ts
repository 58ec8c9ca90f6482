/**
 * How many each key has now, exactly, for as many as there can be: 28 bytes each, and nothing to clean, for who has none is not here.
 *
 * A chained table in arrays of numbers: the place of a key stays while it has any, so that who has one needs to keep that number only.
 */
import type { KeyHash } from './key-hash.ts';

/** Instead of the place of a key. */
export const NONE = -1;

export class Counts {
  /** By row, the first place of its chain and 1 more; 0 where there is none. */
  readonly #heads: Uint32Array;
  /** By place, the next of its chain, likewise. Of a place that is free, the next that is. */
  readonly #next: Uint32Array;
  readonly #rows: Uint32Array;
  readonly #marks: Uint32Array;
  readonly #counts: Uint32Array;
  #free = 0;
  #unused = 0;

  /** @param most Of all keys together. */
  constructor(most: number) {
    this.#heads = new Uint32Array(1 << Math.ceil(Math.log2(most + 1)));
    this.#next = new Uint32Array(most);
    this.#rows = new Uint32Array(most);
    this.#marks = new Uint32Array(most);
    this.#counts = new Uint32Array(most);
  }

  /** @returns The place of the key, which has one more; or `NONE` where it has as many as it may, and nothing was done. */
  add({ place, mark }: KeyHash, max: number): number {
    const row = place & (this.#heads.length - 1);
    let at = this.#heads[row]! - 1;
    while (at !== NONE && this.#marks[at] !== mark) at = this.#next[at]! - 1;
    if (at === NONE) at = this.#insert(row, mark);
    if (this.#counts[at]! >= max) return NONE;
    this.#counts[at]!++;
    return at;
  }

  remove(at: number): void {
    if (--this.#counts[at]! > 0) return;
    const row = this.#rows[at]!;
    if (this.#heads[row] === at + 1) {
      this.#heads[row] = this.#next[at]!;
    } else {
      let before = this.#heads[row]! - 1;
      while (this.#next[before] !== at + 1) before = this.#next[before]! - 1;
      this.#next[before] = this.#next[at]!;
    }
    this.#next[at] = this.#free;
    this.#free = at + 1;
  }

  #insert(row: number, mark: number): number {
    let at = this.#free - 1;
    if (at === NONE) at = this.#unused++;
    else this.#free = this.#next[at]!;
    if (at >= this.#counts.length) throw new RangeError('more keys than there can be');
    this.#next[at] = this.#heads[row]!;
    this.#heads[row] = at + 1;
    this.#rows[at] = row;
    this.#marks[at] = mark;
    this.#counts[at] = 0;
    return at;
  }
}

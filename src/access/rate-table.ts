/**
 * How much was asked at each key, of all rates together, in 12 MiB that are there from the beginning and that nothing has to clean.
 *
 * A key belongs to one row of eight places. Where all are taken, a new one takes that whose bucket is empty first: it is the one that has the
 * least to be remembered for. So a key that is at its limit is forgotten last, whoever else comes.
 */
import { type Rate, take } from './gcra.ts';
import type { KeyHash } from './key-hash.ts';

const PLACES_PER_ROW = 8;
const PLACES = 1 << 20;
const ROW_MASK = PLACES / PLACES_PER_ROW - 1;

export class RateTable {
  /** 0 where nobody is. The system gives memory to what is used of it. */
  readonly #marks = new Uint32Array(PLACES);
  /** By the elapsed clock. */
  readonly #emptyMs = new Float64Array(PLACES);

  /** @returns 0 where there was one for it, and it is taken; else after how many milliseconds there is. */
  take({ place, mark }: KeyHash, rate: Rate, nowMs: number): number {
    const at = this.#find(place, mark);
    const isKnown = this.#marks[at] === mark;
    const next = take(isKnown ? this.#emptyMs[at]! : 0, nowMs, rate);
    if (next < 0) return -next;
    this.#marks[at] = mark;
    this.#emptyMs[at] = next;
    return 0;
  }

  /** Takes so many whether there were any or not: they are missing later. For what has been done already. */
  charge({ place, mark }: KeyHash, { everyMs }: Rate, count: number, nowMs: number): void {
    const at = this.#find(place, mark);
    const emptyMs = this.#marks[at] === mark ? this.#emptyMs[at]! : 0;
    this.#marks[at] = mark;
    this.#emptyMs[at] = Math.max(emptyMs, nowMs) + everyMs * count;
  }

  /** For how many milliseconds there is none. */
  wait({ place, mark }: KeyHash, rate: Rate, nowMs: number): number {
    const at = this.#find(place, mark);
    return this.#marks[at] === mark ? Math.max(0, -take(this.#emptyMs[at]!, nowMs, rate)) : 0;
  }

  /** Its place, or the one that it may have. */
  #find(place: number, mark: number): number {
    const row = (place & ROW_MASK) * PLACES_PER_ROW;
    let emptiest = row;
    for (let at = row; at < row + PLACES_PER_ROW; at++) {
      if (this.#marks[at] === mark) return at;
      if (this.#emptyMs[at]! < this.#emptyMs[emptiest]!) emptiest = at;
    }
    return emptiest;
  }
}

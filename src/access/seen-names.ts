/**
 * Names that changes were sent to here: a million of them, 8 MiB. Where a row of eight is full, the name that was used least lately goes.
 */
import type { KeyHash } from './key-hash.ts';

const PLACES_PER_ROW = 8;
const PLACES = 1 << 20;
const ROW_MASK = PLACES / PLACES_PER_ROW - 1;

export class SeenNames {
  /** 0 where none is. */
  readonly #marks = new Uint32Array(PLACES);
  /** By the elapsed clock, whole seconds; 0 where none is. */
  readonly #usedS = new Uint32Array(PLACES);

  /** Whether it is there; it was used now if it is. @param nowS Above 0. */
  has({ place, mark }: KeyHash, nowS: number): boolean {
    const at = this.#find(place, mark);
    if (this.#marks[at] !== mark) return false;
    this.#usedS[at] = nowS;
    return true;
  }

  add({ place, mark }: KeyHash, nowS: number): void {
    const at = this.#find(place, mark);
    this.#marks[at] = mark;
    this.#usedS[at] = nowS;
  }

  /** Its place, or the one that it may have. */
  #find(place: number, mark: number): number {
    const row = (place & ROW_MASK) * PLACES_PER_ROW;
    let oldest = row;
    for (let at = row; at < row + PLACES_PER_ROW; at++) {
      if (this.#marks[at] === mark) return at;
      if (this.#usedS[at]! < this.#usedS[oldest]!) oldest = at;
    }
    return oldest;
  }
}

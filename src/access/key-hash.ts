/**
 * What limits know of a key: 64 bits of a hash, in two halves, with a seed of this process. Two keys with the same bits share a limit, which
 * nobody can arrange who does not know the seed.
 *
 * The halves are fields, so that a request makes no object.
 */
import { randomBytes } from 'node:crypto';

export class KeyHash {
  /** Which place it has in a table, 32 bits. */
  place = 0;
  /** What it is recognised by there, 32 bits; never 0. */
  mark = 0;
  readonly #seeds = new Int32Array(new Uint8Array(randomBytes(8)).buffer);

  /** @param kind Of what it is a key: the same text is another key for another. */
  of(kind: number, text: string): void {
    let one = this.#seeds[0]!;
    let other = this.#seeds[1]!;
    // The kind is the first character: into the seed, it would be part of the first.
    for (let i = -1; i < text.length; i++) {
      const code = i < 0 ? kind : text.charCodeAt(i);
      one = Math.imul(one ^ code, 0x9e3779b1);
      other = Math.imul(other ^ code, 0x5f356495);
      // Else the low bits would be made of low bits only.
      one ^= one >>> 15;
      other ^= other >>> 13;
    }
    one = Math.imul(one ^ (one >>> 16), 0x85ebca6b) ^ Math.imul(other ^ (other >>> 13), 0xc2b2ae35);
    other = Math.imul(other ^ (other >>> 16), 0x85ebca6b) ^ Math.imul(one ^ (one >>> 13), 0xc2b2ae35);
    this.place = one >>> 0;
    this.mark = other >>> 0 || 1;
  }
}

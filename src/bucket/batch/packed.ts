/**
 * Changes as MessagePack: one array of binaries, or of strings, whose bytes are taken as they are. Read by hand: of all that MessagePack
 * has two kinds are of use here, and nothing is made of what a head only claims.
 * (https://github.com/msgpack/msgpack/blob/master/spec.md)
 */
import { Problem } from '../../errors.ts';

/** RFC 9110 §8.3.1: in any case, with parameters behind. */
const mediaType = /^\s*application\/(?:vnd\.|x-)?msgpack\s*(?:;|$)/i;

export function isPacked(contentType: string | undefined): boolean {
  return contentType !== undefined && mediaType.test(contentType);
}

const BROKEN = 'The body is one MessagePack array, whole, and nothing behind it.';

/** At most `max` of them; what is behind those is not looked at. @throws {Problem} 400 or 422. */
export function packedOf(body: Buffer, max: number): Uint8Array[] {
  let at = 0;
  /** The next so many bytes, as a number. */
  const number = (bytes: 1 | 2 | 4): number => {
    if (at + bytes > body.length) throw new Problem('bad_batch', BROKEN);
    at += bytes;
    return body.readUIntBE(at - bytes, bytes);
  };
  const count = arrayLength(number);
  const all: Uint8Array[] = [];
  while (all.length < count && all.length < max) {
    const length = changeLength(number, all.length + 1);
    if (at + length > body.length) throw new Problem('bad_batch', BROKEN);
    all.push(body.subarray(at, at + length));
    at += length;
  }
  if (all.length === count && at < body.length) throw new Problem('bad_batch', BROKEN);
  return all;
}

type ReadNumber = (bytes: 1 | 2 | 4) => number;

function arrayLength(number: ReadNumber): number {
  const head = number(1);
  if (head >> 4 === 0x9) return head & 0x0f;
  if (head === 0xdc) return number(2);
  if (head === 0xdd) return number(4);
  throw new Problem('bad_batch', BROKEN);
}

function changeLength(number: ReadNumber, which: number): number {
  const head = number(1);
  if (head >> 5 === 0x5) return head & 0x1f;
  switch (head) {
    case 0xc4:
    case 0xd9:
      return number(1);
    case 0xc5:
    case 0xda:
      return number(2);
    case 0xc6:
    case 0xdb:
      return number(4);
    default:
      throw new Problem('not_a_change', `Element ${which} of the batch is a binary or a string.`);
  }
}

/** Which bytes are text that any client gets back exactly as it was sent, and that text, whole or in pieces. */
import { isUtf8 } from 'node:buffer';

const BOM = [0xef, 0xbb, 0xbf];

/**
 * Bytes of a change that are written at a time. Six times as many characters are still no large object to V8, which takes
 * memory for each of those anew: tens of times what writing costs.
 */
export const PIECE_BYTES = 8 << 10;

/**
 * The bytes as text, or undefined when they are not clean: not UTF-8; NUL, which some parsers end a string at; CR, which
 * an SSE parser reads as the end of a line; or a BOM in front, which a decoder drops.
 */
export function cleanText(bytes: Uint8Array): string | undefined {
  if (bytes.length === 1) return cleanByte[bytes[0]!];
  return isCleanText(bytes) ? textOf(bytes) : undefined;
}

/** Whether `cleanText` would give it. */
export function isCleanText(bytes: Uint8Array): boolean {
  const hasBom = BOM.every((byte, i) => byte === bytes[i]);
  return !hasBom && !bytes.includes(0) && !bytes.includes(0x0d) && isUtf8(bytes);
}

export function textOf(bytes: Uint8Array): string {
  return bufferOf(bytes).toString('utf8');
}

/** The same text in pieces, each of whole characters. */
export function* textPieces(bytes: Uint8Array): Generator<string> {
  for (let from = 0, to = 0; from < bytes.length; from = to) {
    to = characterEnd(bytes, from + PIECE_BYTES);
    yield textOf(bytes.subarray(from, to));
  }
}

/** The last place up to here between two characters. Of what is no UTF-8, one that replaces the same bytes as the whole does. */
function characterEnd(bytes: Uint8Array, at: number): number {
  if (at >= bytes.length) return bytes.length;
  // A character has at most three bytes after its first.
  for (let end = at; end > at - 4; end--) if ((bytes[end]! & 0xc0) !== 0x80) return end;
  return at;
}

export function base64Of(bytes: Uint8Array): string {
  return bufferOf(bytes).toString('base64');
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** One byte is what changes are made of, so its answer is looked up. */
const cleanByte = Array.from({ length: 256 }, (_, byte) =>
  byte === 0 || byte === 0x0d || byte > 0x7f ? undefined : String.fromCharCode(byte),
);

/** Which bytes are text that any client gets back exactly as it was sent, and that text, whole or in pieces. */
import { isUtf8 } from 'node:buffer';

const BOM = '\uFEFF';
const BOM_BYTES = Buffer.from(BOM);

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
  if (!isUtf8(bytes)) return undefined;
  const text = textOf(bytes);
  return text.includes('\0') || text.includes('\r') || text.startsWith(BOM) ? undefined : text;
}

/** Whether `cleanText` would give it. */
export function isCleanText(bytes: Uint8Array): boolean {
  return isUtf8(bytes) && !bytes.includes(0) && !bytes.includes(0x0d) && !BOM_BYTES.equals(bytes.subarray(0, 3));
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

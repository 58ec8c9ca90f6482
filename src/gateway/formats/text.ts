/** Which bytes are text that any client gets back exactly as it was sent. */
import { isUtf8 } from 'node:buffer';

const BOM = '\uFEFF';

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

export function textOf(bytes: Uint8Array): string {
  return bufferOf(bytes).toString('utf8');
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

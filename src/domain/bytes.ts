/**
 * Bytes that are kept for long: each array has them for itself, for a byte that is kept for hours must not keep the chunk alive
 * that it arrived in. But of one byte, which is what changes are made of, all have the same: V8 takes 210 bytes for any array.
 * Nobody may write into them.
 */

const singles = Array.from({ length: 256 }, (_, value) => Buffer.of(value));

/** A copy of what is part of something larger. Not `Buffer.from`, whose small copies share a slab of 8 KiB. */
export function copyOf(bytes: Uint8Array): Uint8Array {
  return bytes.length === 1 ? leanBytes(bytes) : Uint8Array.prototype.slice.call(bytes);
}

/** Of bytes that are a copy already. */
export function leanBytes(bytes: Uint8Array): Uint8Array {
  return bytes.length === 1 ? singles[bytes[0]!]! : bytes;
}

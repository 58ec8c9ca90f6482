/**
 * Buffers for the slices of large answers, used again once the kernel has taken what was in them. V8 counts memory outside of
 * its heap like its own: a megabyte for each of some answers begins a collection of everything, and the loop waits for it.
 *
 * A buffer whose answer was not taken to its end never comes back: nobody's answer may have what was another's.
 */

/** What a slice may have, and its buffer has. */
export const SLICE_BYTES = 64 << 10;
/** Below half of it a slice is not worth a buffer. */
const SMALL_BYTES = SLICE_BYTES / 2;
/** Of four large answers. */
const KEPT_MAX = 64;

export interface SlicePool {
  /** @param bytes What the text takes as UTF-8. */
  sliceOf(text: string, bytes: number): Buffer;
  /** What they hold, bytes. */
  heldBytes(slices: Iterable<Buffer>): number;
  /** Nobody uses them any more. */
  giveBack(slices: Iterable<Buffer>): void;
}

export function createSlicePool(): SlicePool {
  const kept: Buffer[] = [];
  /** By their slices. */
  const lent = new WeakMap<Buffer, Buffer>();
  return {
    sliceOf(text, bytes) {
      // As many bytes as characters: it is ASCII, which is copied some times faster than encoded.
      const encoding = bytes === text.length ? 'latin1' : 'utf8';
      if (bytes > SLICE_BYTES || bytes < SMALL_BYTES) return Buffer.from(text, encoding);
      const buffer = kept.pop() ?? Buffer.allocUnsafeSlow(SLICE_BYTES);
      const slice = buffer.subarray(0, buffer.write(text, encoding));
      lent.set(slice, buffer);
      return slice;
    },
    heldBytes(slices) {
      let bytes = 0;
      for (const slice of slices) bytes += lent.has(slice) ? SLICE_BYTES : slice.length;
      return bytes;
    },
    giveBack(slices) {
      for (const slice of slices) {
        const buffer = lent.get(slice);
        if (buffer !== undefined && lent.delete(slice) && kept.length < KEPT_MAX) kept.push(buffer);
      }
    },
  };
}

/**
 * The body of an answer in the slices that it was made in. A large one is sent as it is: a copy in one piece would be as much
 * garbage again, and memory outside of V8's heap is what has its longest collections begun.
 */

export type Slices = readonly Buffer[];

const SMALL_BYTES = 64 << 10;

export function bytesOf(slices: Slices): number {
  let bytes = 0;
  for (const { length } of slices) bytes += length;
  return bytes;
}

/** One slice, where all together are small. */
export function joinedIfSmall(slices: Slices): Slices {
  const bytes = bytesOf(slices);
  return bytes > SMALL_BYTES ? slices : [Buffer.concat(slices, bytes)];
}

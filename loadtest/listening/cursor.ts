/** The id of an event, `prefix.offset`: opaque to clients, but a tester has to see what is missing. */

const DOT = 46;

/** Where the offset begins; 0 without a dot. */
export function offsetFrom(bytes: Buffer, from: number, to: number): number {
  for (let at = to - 1; at >= from; at--) if (bytes[at] === DOT) return at + 1;
  return 0;
}

/** Digits 0–9 and a–z, read without making a string of them; -1 for anything else. */
export function base36(bytes: Buffer, from: number, to: number): number {
  if (from >= to) return -1;
  let value = 0;
  for (let at = from; at < to; at++) {
    const byte = bytes[at]!;
    if (byte >= 48 && byte <= 57) value = value * 36 + byte - 48;
    else if (byte >= 97 && byte <= 122) value = value * 36 + byte - 87;
    else return -1;
  }
  return value;
}

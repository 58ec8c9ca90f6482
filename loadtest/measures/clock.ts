/** The wall clock with fractions of a millisecond: what one process notes down, another compares. */
export function nowMs(): number {
  return performance.timeOrigin + performance.now();
}

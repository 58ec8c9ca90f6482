/**
 * The generic cell rate algorithm: how often something may be done, with one number to remember for each who does it. That number is
 * when the bucket of that one will be empty again; each time costs it an interval, and it may be so many intervals ahead.
 *
 * (ITU-T I.371, annex A; the bucket that leaks. No window begins anew, so nobody gets twice its rate at the border of two.)
 */

export interface Rate {
  /** Milliseconds from one to the next, in the long run. */
  readonly everyMs: number;
  /** How many at once, after a long rest. */
  readonly burst: number;
}

/** What sums of intervals may be off by, milliseconds: the last of a burst is not refused for it. */
const ROUNDING_MS = 1e-3;

/**
 * Takes one, if there is one.
 *
 * @param emptyMs When the bucket is empty; anything that has passed for one who is new. @param nowMs By the same clock, above 0.
 * @returns When it is empty then; or, negative, after how many milliseconds there is one, and nothing was taken.
 */
export function take(emptyMs: number, nowMs: number, { everyMs, burst }: Rate): number {
  const next = Math.max(emptyMs, nowMs) + everyMs;
  const overMs = next - nowMs - everyMs * burst;
  return overMs > ROUNDING_MS ? -overMs : next;
}

/** So many in a time, and, unless something else is said, that many at once. */
export function rateOf(count: number, timeMs: number, burst = count): Rate {
  return { everyMs: timeMs / count, burst };
}

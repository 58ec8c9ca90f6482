/**
 * How long to wait after a failure: full jitter, `min + random(0, min(max, base · 2ⁿ))`, so that clients that failed together do not
 * come back together. Who may call a success a success is up to the caller: a connection that opens is none yet.
 */
export interface Backoff {
  /** Counts a failure. @param leastMs What the server asked for. */
  nextMs(leastMs?: number): number;
  reset(): void;
}

const MIN_MS = 250;
const BASE_MS = 500;
const MAX_MS = 20_000;

export function createBackoff(random: () => number): Backoff {
  let failures = 0;
  return {
    nextMs: (leastMs = 0) => Math.max(leastMs, MIN_MS + random() * Math.min(MAX_MS, BASE_MS * 2 ** failures++)),
    reset() {
      failures = 0;
    },
  };
}

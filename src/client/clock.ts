/** Time as a value, so that a test can own it. */
export interface ClientClock {
  /** Milliseconds since 1970; may jump. */
  wallMs(): number;
  /** Milliseconds since some moment; never goes back. */
  elapsedMs(): number;
  /** @returns Takes it back. */
  after(ms: number, run: () => void): () => void;
}

/** The longest that a timer takes; more would be at once. */
const TIMER_MAX_MS = 2 ** 31 - 1;

export const systemClock: ClientClock = {
  wallMs: () => Date.now(),
  elapsedMs: () => performance.now(),
  after(ms, run) {
    const timer = setTimeout(run, Math.min(ms, TIMER_MAX_MS));
    return () => clearTimeout(timer);
  },
};

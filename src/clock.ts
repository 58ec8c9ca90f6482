/** The two clocks, as a value, so that a test can own the time. */
export interface Clock {
  /** Milliseconds since 1970. May jump; told to people, never used to measure. */
  wallMs(): number;
  /** Milliseconds since some moment. Never goes back; the only one to measure and to expire with. */
  elapsedMs(): number;
}

export const systemClock: Clock = {
  wallMs: () => Date.now(),
  elapsedMs: () => performance.now(),
};

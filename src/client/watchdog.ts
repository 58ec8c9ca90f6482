/**
 * Notices a connection that is dead and does not say so: by time stamps of what came, never by counting ticks, of which a hidden page has
 * one a minute.
 */
import type { ClientClock } from './clock.ts';

export interface Watched {
  readonly clock: ClientClock;
  /** Sets a timer that ends with the attempt. */
  readonly later: (ms: number, run: () => void) => void;
  readonly aliveMs: () => number;
  readonly heartbeatMs: number;
  readonly silent: () => void;
}

/** A timer that is so late tells that we stood still, and not that the server was silent. */
const STANDSTILL_MS = 5_000;
/** What came while we stood still is read within this. */
const READ_MS = 1_000;

/** Heartbeats may come two seconds late (P10), and one packet in between may need a second try. */
function limitOf(heartbeatMs: number): number {
  return 1.5 * heartbeatMs + 2_000;
}

export function watch(watched: Watched): void {
  const { clock, later, aliveMs, heartbeatMs, silent } = watched;
  const silenceMs = () => clock.elapsedMs() - aliveMs();
  const limitMs = limitOf(heartbeatMs);
  const dueMs = Math.max(0, limitMs - silenceMs());
  const expectedMs = clock.elapsedMs() + dueMs;
  const look = () => (silenceMs() < limitMs ? watch(watched) : silent());
  later(dueMs, () => (clock.elapsedMs() - expectedMs > STANDSTILL_MS ? later(READ_MS, look) : look()));
}

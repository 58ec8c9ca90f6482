/** Complaints: errors that nobody expected are told, but whoever can cause one cannot fill the log with them. */
import type { Clock } from '../clock.ts';
import type { Logger } from '../log.ts';

export type Complain = (error: unknown, what: string) => void;

/** At most one line in so many milliseconds; the next one says how many were left out. */
const EVERY_MS = 1000;

export function createComplaints(log: Logger, clock: Clock): Complain {
  let toldMs = Number.NEGATIVE_INFINITY;
  let untold = 0;
  return (error, what) => {
    const nowMs = clock.elapsedMs();
    if (nowMs - toldMs < EVERY_MS) {
      untold++;
      return;
    }
    toldMs = nowMs;
    log.error({ err: error, ...(untold > 0 && { untold }) }, what);
    untold = 0;
  };
}

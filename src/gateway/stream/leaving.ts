/**
 * Leaving: sends streams away evenly over a time, so that they do not come back all at once, and not in one turn of the
 * event loop either. One timer for any number of them.
 */
import type { Clock } from '../../clock.ts';

/** Between two of those that leave together, where there are many: nobody's arrivals are smoother than that. */
const STEP_MS = 20;
/** So much of a step goes to goodbyes; what is not done by then is late. */
const SLICE_MS = 5;

/** @returns Stops it: who has not left stays. */
export function leaveWithin<T>(
  clock: Clock,
  leaving: readonly T[],
  windowMs: number,
  leave: (one: T) => void,
): () => void {
  const beganMs = clock.elapsedMs();
  let left = 0;
  let timer: NodeJS.Timeout | undefined;

  function step(): void {
    const nowMs = clock.elapsedMs();
    const share = windowMs > 0 ? (nowMs - beganMs) / windowMs : 1;
    const due = Math.min(leaving.length, Math.ceil(leaving.length * share));
    while (left < due && clock.elapsedMs() - nowMs < SLICE_MS) leave(leaving[left++]!);
    if (left < leaving.length) timer = setTimeout(step, left < due ? 1 : STEP_MS);
  }

  timer = setTimeout(step, 0);
  return () => clearTimeout(timer);
}

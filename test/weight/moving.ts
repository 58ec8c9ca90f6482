/** Waiting for something that takes as long as the machine needs: it is given up when it has not moved for a while. */
import { setTimeout as sleep } from 'node:timers/promises';

/** A machine that does ten things gives everybody a turn within this. */
const STILL_MS = 20_000;
const LOOK_EVERY_MS = 50;

/**
 * @param restMs What is looked at may by itself rest for so long, on top of that.
 * @returns The last that was seen: `wanted` or more, or where it stopped.
 */
export async function whileMoving(look: () => number | Promise<number>, wanted: number, restMs = 0): Promise<number> {
  let last = await look();
  let movedMs = performance.now();
  while (last < wanted && performance.now() - movedMs < STILL_MS + restMs) {
    await sleep(LOOK_EVERY_MS);
    const now = await look();
    if (now > last) movedMs = performance.now();
    last = Math.max(last, now);
  }
  return last;
}

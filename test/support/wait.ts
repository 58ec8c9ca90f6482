/**
 * Waiting for something to become true, with a deadline: a test never sleeps for a while and hopes.
 */
import { setTimeout as sleep } from 'node:timers/promises';

/** Of whatever a test waits for. A trial of a mutation, which waits for what will not come, sets a shorter one. */
export const DEADLINE_MS = Number(process.env.DEADLINE_MS ?? 60_000);

export interface WaitOptions {
  /** Default 60,000: far beyond what anything here takes on a slow and busy machine, so that only a real fault reaches it. */
  readonly timeoutMs?: number;
  /** Between two looks. Default a tenth of what was waited so far, from 5 to 50: a look may cost a request. */
  readonly everyMs?: number;
  /** What is waited for, as the end of "waited … for"; a function is asked at the deadline, so that it can say what was seen. */
  readonly what: string | (() => string);
}

/**
 * Looks until `condition` gives something truthy, and returns that. An error the condition throws is not waited out:
 * it is the test's to see.
 */
export async function waitFor<T>(condition: () => T | Promise<T>, options: WaitOptions): Promise<NonNullable<T>> {
  const timeoutMs = options.timeoutMs ?? DEADLINE_MS;
  const started = performance.now();
  for (;;) {
    const seen = await condition();
    if (seen) return seen;
    const waitedMs = performance.now() - started;
    if (waitedMs > timeoutMs) {
      const what = typeof options.what === 'string' ? options.what : options.what();
      throw new Error(`waited ${timeoutMs} ms for ${what}`);
    }
    await sleep(options.everyMs ?? Math.min(50, Math.max(5, waitedMs / 10)));
  }
}

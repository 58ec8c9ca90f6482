/** Time that a test moves. Nothing comes due by itself. */
import type { ClientClock } from '../client/clock.ts';

export interface FakeClock extends ClientClock {
  /** Runs what comes due in so many milliseconds, each at its time, and what follows from it. */
  advance(ms: number): Promise<void>;
}

/** Kept, so that a test may put others in their place. */
const { setTimeout: later } = globalThis;
/** Promises and streams come to rest within so many turns. */
const TURNS = 6;
const BEGIN_MS = Date.UTC(2030, 0, 1);

/** Resolves when what was begun has gone as far as it can without time. */
export async function settled(): Promise<void> {
  for (let i = 0; i < TURNS; i++) await new Promise((resolve) => later(resolve));
}

export function createFakeClock(): FakeClock {
  let nowMs = 0;
  let timers: { readonly dueMs: number; readonly run: () => void }[] = [];
  return {
    wallMs: () => BEGIN_MS + nowMs,
    elapsedMs: () => nowMs,
    after(ms, run) {
      const timer = { dueMs: nowMs + ms, run };
      timers.push(timer);
      return () => {
        timers = timers.filter((each) => each !== timer);
      };
    },
    async advance(ms) {
      const untilMs = nowMs + ms;
      for (;;) {
        await settled();
        const next = timers.reduce((first, each) => (each.dueMs < first.dueMs ? each : first), {
          dueMs: Number.POSITIVE_INFINITY,
          run: () => {},
        });
        if (next.dueMs > untilMs) break;
        timers = timers.filter((each) => each !== next);
        nowMs = Math.max(nowMs, next.dueMs);
        next.run();
      }
      nowMs = untilMs;
    },
  };
}

/**
 * Refusals are counted one by one and logged once for each period: a line when a kind of them begins, one when none has come
 * for a while. A gateway that is full refuses thousands a second.
 */
import type { Clock } from '../../clock.ts';
import type { Logger } from '../../log.ts';
import type { Metrics } from '../../metrics.ts';
import type { Refusal } from './refusal.ts';

export interface RefusalsDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Pick<Metrics, 'refusals'>;
}

/** Who was refused comes back within this time, so until then it is not over. */
const QUIET_MS = 10_000;
const LOOK_MS = 1_000;

interface Period {
  count: number;
  readonly sinceMs: number;
  lastMs: number;
}

export interface Refusals {
  count(refusal: Refusal): void;
  close(): void;
}

export function createRefusals({ clock, log, metrics }: RefusalsDeps): Refusals {
  const periods = new Map<Refusal, Period>();
  let timer: NodeJS.Timeout | undefined;

  function look(): void {
    const nowMs = clock.elapsedMs();
    for (const [refusal, { count, sinceMs, lastMs }] of periods) {
      if (nowMs - lastMs < QUIET_MS) continue;
      periods.delete(refusal);
      log.warn({ refusal, count, ms: Math.round(lastMs - sinceMs) }, 'streams and polls are refused no more');
    }
    if (periods.size === 0) close();
  }

  function close(): void {
    clearInterval(timer);
    timer = undefined;
  }

  return {
    count(refusal) {
      metrics.refusals.inc({ code: refusal });
      const nowMs = clock.elapsedMs();
      const period = periods.get(refusal);
      if (period) {
        period.count++;
        period.lastMs = nowMs;
        return;
      }
      periods.set(refusal, { count: 1, sinceMs: nowMs, lastMs: nowMs });
      log.warn({ refusal }, 'streams and polls are refused');
      timer ??= setInterval(look, LOOK_MS).unref();
    },
    close,
  };
}

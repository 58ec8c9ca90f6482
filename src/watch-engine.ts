/**
 * Asks the engine twice a second whether it is there: for operators (`smallchange_redis_up`), and for clients, who are told
 * when it has been away for so long that they would notice. Liveness never asks.
 */
import type { Engine } from './engine/engine.ts';
import { EngineForbidden } from './errors.ts';
import type { Metrics } from './metrics.ts';

export type EngineCondition = 'degraded' | 'recovered';

export interface EngineWatchDeps {
  readonly engine: Engine;
  readonly metrics: Metrics;
  readonly onChange: (condition: EngineCondition) => void;
}

const INTERVAL_MS = 500;
/**
 * A shorter absence is nobody's business: it only makes a change come a little later. Counted in questions, so that a loop of
 * ours that stood still for long is no absence of the store.
 */
const DEGRADED_AFTER_MS = 3000;

export interface EngineWatch {
  /** Whether its operator lets us do what we need: that passes by itself only when somebody mends it. */
  isAllowed(): boolean;
  close(): void;
}

export function watchEngine({ engine, metrics, onChange }: EngineWatchDeps): EngineWatch {
  let awayMs = 0;
  let isForbidden = false;
  let isDegraded = false;
  let isAsking = false;

  function answered(): void {
    awayMs = 0;
    isForbidden = false;
    metrics.redisUp.set(1);
    if (isDegraded) onChange('recovered');
    isDegraded = false;
  }

  function failed(error: unknown): void {
    isForbidden = error instanceof EngineForbidden;
    metrics.redisUp.set(0);
  }

  function tick(): void {
    awayMs += INTERVAL_MS;
    if (!isDegraded && awayMs > DEGRADED_AFTER_MS) {
      isDegraded = true;
      onChange('degraded');
    }
    if (isAsking) return;
    isAsking = true;
    engine
      .ping()
      .then(answered, failed)
      .finally(() => {
        isAsking = false;
      });
  }

  tick();
  const timer = setInterval(tick, INTERVAL_MS);
  return { isAllowed: () => !isForbidden, close: () => clearInterval(timer) };
}

/**
 * Asks the engine twice a second whether it is there: for operators (`smallchange_redis_up`), and for clients, who are told
 * when it has been away for so long that they would notice. Liveness never asks.
 */
import type { Clock } from './clock.ts';
import type { Engine } from './engine/engine.ts';
import type { Metrics } from './metrics.ts';

export type EngineCondition = 'degraded' | 'recovered';

export interface EngineWatchDeps {
  readonly engine: Engine;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly onChange: (condition: EngineCondition) => void;
}

const INTERVAL_MS = 500;
/** A shorter absence is nobody's business: it only makes a change come a little later. */
const DEGRADED_AFTER_MS = 3000;

export function watchEngine({ engine, metrics, clock, onChange }: EngineWatchDeps): { close(): void } {
  let answeredMs = clock.elapsedMs();
  let isDegraded = false;
  let isAsking = false;

  function answered(): void {
    answeredMs = clock.elapsedMs();
    metrics.redisUp.set(1);
    if (isDegraded) onChange('recovered');
    isDegraded = false;
  }

  function tick(): void {
    if (!isDegraded && clock.elapsedMs() - answeredMs > DEGRADED_AFTER_MS) {
      isDegraded = true;
      onChange('degraded');
    }
    if (isAsking) return;
    isAsking = true;
    engine
      .ping()
      .then(answered, () => metrics.redisUp.set(0))
      .finally(() => {
        isAsking = false;
      });
  }

  tick();
  const timer = setInterval(tick, INTERVAL_MS);
  return { close: () => clearInterval(timer) };
}

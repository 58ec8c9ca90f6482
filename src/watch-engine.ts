/** Asks the engine once a second whether it is there, for operators (`smallchange_redis_up`); liveness never does. */
import type { Engine } from './engine/engine.ts';
import type { Metrics } from './metrics.ts';

const INTERVAL_MS = 1000;

export function watchEngine(engine: Engine, metrics: Metrics): { close(): void } {
  const ask = () =>
    engine.ping().then(
      () => metrics.redisUp.set(1),
      () => metrics.redisUp.set(0),
    );
  void ask();
  const timer = setInterval(ask, INTERVAL_MS);
  timer.unref();
  return { close: () => clearInterval(timer) };
}

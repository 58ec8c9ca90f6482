/**
 * Asks the engine twice a second whether it is there: for operators (`smallchange_redis_up`), and for clients, who are told
 * when it, or the part of it that concerns them, has been away for so long that they would notice. Liveness never asks.
 */
import type { Away, Engine } from './engine/engine.ts';
import { EngineForbidden } from './errors.ts';
import type { Metrics } from './metrics.ts';

export interface EngineWatchDeps {
  readonly engine: Engine;
  readonly metrics: Metrics;
  /** Told which shards are known to be away, whenever they are others than before. */
  readonly onChange: (away: ReadonlySet<number>) => void;
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
  /** By shard: for how long it has not answered. */
  const awayMs = Array.from({ length: engine.shards }, () => 0);
  let told: ReadonlySet<number> = new Set();
  let isForbidden = false;
  let isAsking = false;

  function answered(away: Away): void {
    for (let shard = 0; shard < awayMs.length; shard++) if (!away.has(shard)) awayMs[shard] = 0;
    isForbidden = false;
    metrics.redisUp.set(away.size === 0 ? 1 : 0);
    tell();
  }

  function failed(error: unknown): void {
    isForbidden = error instanceof EngineForbidden;
    metrics.redisUp.set(0);
  }

  function tell(): void {
    const away = new Set<number>();
    for (const [shard, ms] of awayMs.entries()) if (ms > DEGRADED_AFTER_MS) away.add(shard);
    if (away.size === told.size && [...away].every((shard) => told.has(shard))) return;
    told = away;
    onChange(away);
  }

  function tick(): void {
    for (let shard = 0; shard < awayMs.length; shard++) awayMs[shard]! += INTERVAL_MS;
    tell();
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

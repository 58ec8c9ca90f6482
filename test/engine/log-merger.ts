/** A merger for tests of an engine: every channel is a log. */
import { systemClock } from '../../src/clock.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { createLogger } from '../../src/log.ts';
import { createMerger } from '../../src/merger/merger.ts';
import { createReducerFor } from '../../src/merger/reducers/patterns.ts';
import { createMetrics } from '../../src/metrics.ts';

const LEASE_MS = 2_000;

export function createLogMerger(engine: Engine) {
  return createMerger({
    engine,
    clock: systemClock,
    log: createLogger({ logLevel: 'silent' }),
    metrics: createMetrics(),
    reducerFor: createReducerFor([{ pattern: '*', reducer: 'log' }]),
    tag: 0,
    stateMaxBytes: 1_000,
    leaseMs: LEASE_MS,
  });
}

/** A merger for tests of an engine: every channel is a log, but for those whose names begin with `latest`. */
import type { ArchiveSource } from '../../src/archive/archive.ts';
import { systemClock } from '../../src/clock.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { createLogger } from '../../src/log.ts';
import { createMerger } from '../../src/merger/merger.ts';
import { createReducerFor } from '../../src/merger/reducers/patterns.ts';
import { createMetrics } from '../../src/metrics.ts';

const LEASE_MS = 2_000;

/** @param archive What a store that has lost events is given back from. */
export function createLogMerger(engine: Engine, archive?: ArchiveSource, log = createLogger({ logLevel: 'silent' })) {
  return createMerger({
    engine,
    clock: systemClock,
    log,
    metrics: createMetrics(),
    reducerFor: createReducerFor([{ pattern: 'latest*', reducer: 'latest' }]),
    tag: 0,
    stateMaxBytes: 1_000,
    leaseMs: LEASE_MS,
    archive,
  });
}

/** The smallest run there is of P7: one merge over the memory engine, one publisher that repeats itself. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { systemClock } from '../../src/clock.ts';
import { createMemoryEngine } from '../../src/engine/memory/engine.ts';
import { createLogger } from '../../src/log.ts';
import { Memory } from '../../src/merger/memory.ts';
import { createReducerFor } from '../../src/merger/reducers/patterns.ts';
import { ShardMerge } from '../../src/merger/shard-merge.ts';
import { Share } from '../../src/merger/share.ts';
import { createMetrics } from '../../src/metrics.ts';
import { generousOptions } from '../contract/engine/kit.ts';

it('merges a repeat once, whether it is in the same batch, in a later one, or known only to the store', async () => {
  const engine = createMemoryEngine({ ...generousOptions, shards: 1 });
  const deps = {
    engine,
    log: createLogger({ logLevel: 'silent' }),
    metrics: createMetrics(),
    clock: systemClock,
    leaseMs: 60_000,
    reducerFor: createReducerFor([]),
    stateMaxBytes: 1_000,
    memory: new Memory(1 << 20),
    share: new Share(1, { mergers: 1, place: 0 }),
  };
  const send = (seq: number) => {
    return { channel: 'room', from: 'a.1', seq, acceptedMs: 0, bytes: Buffer.from(String(seq)) };
  };
  const first = new ShardMerge(0, deps);
  await engine.append([send(1), send(1), send(2)]);
  await first.round();
  await engine.append([send(1), send(2), send(3)]);
  await first.round();
  await first.release();
  await engine.append([send(2), send(3), send(4)]);
  await new ShardMerge(0, deps).round();
  const page = await engine.readHistory('room', null, 100);
  assert.ok(page.kind === 'events');
  assert.deepEqual(
    page.events.map(({ seq }) => seq),
    [1, 2, 3, 4],
  );
  await engine.close();
});

/** Mergers with different `REDUCERS`, as there are in every rolling change of it: none undoes what another one made. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { systemClock } from '../../src/clock.ts';
import type { Channel } from '../../src/domain/channel.ts';
import { createMemoryEngine } from '../../src/engine/memory/engine.ts';
import { createLogger } from '../../src/log.ts';
import { Memory } from '../../src/merger/memory.ts';
import { createReducerFor, reducerNamed } from '../../src/merger/reducers/patterns.ts';
import { ShardMerge } from '../../src/merger/shard-merge.ts';
import { Share } from '../../src/merger/share.ts';
import { createMetrics } from '../../src/metrics.ts';
import { generousOptions } from '../contract/engine/kit.ts';

function startBench() {
  const memory = createMemoryEngine({ ...generousOptions, shards: 1 });
  const begunAnew: Channel[] = [];
  const engine = {
    ...memory,
    commit: (...asked: Parameters<typeof memory.commit>) => {
      for (const { channel, refold } of asked[1].channels) if (refold !== undefined) begunAnew.push(channel);
      return memory.commit(...asked);
    },
  };
  let differ = true;
  const mergerOf = (reducer: 'log' | 'latest' | 'tally') =>
    new ShardMerge(0, {
      engine,
      log: createLogger({ logLevel: 'silent' }),
      metrics: createMetrics(),
      clock: systemClock,
      leaseMs: 60_000,
      reducerFor: createReducerFor([{ pattern: '*', reducer }]),
      keptReducer: (name) => (differ ? reducerNamed(name) : undefined),
      stateMaxBytes: 100_000,
      memory: new Memory(1 << 20),
      share: new Share(1, { mergers: 1, place: 0 }),
    });
  let seq = 0;
  return {
    mergerOf,
    begunAnew,
    agree: () => {
      differ = false;
    },
    /** A change for the channel, merged by this one, which then gives the shard back. */
    async mergeBy(merge: ShardMerge, text: string, gives = true) {
      seq++;
      await engine.append([{ channel: 'room', from: 'ann.1', seq, acceptedMs: 0, bytes: Buffer.from(text) }]);
      while ((await merge.round()) !== 'idle');
      if (gives) await merge.release();
    },
    async state() {
      const { state } = await engine.readState('room');
      return Object.fromEntries([...state].map(([field, { bytes }]) => [field, String(bytes)]));
    },
  };
}

it('a channel keeps its reducer while the shard goes to and fro', async () => {
  const bench = startBench();
  const [old, next] = [bench.mergerOf('tally'), bench.mergerOf('latest')];
  for (const merge of [old, next, old, next]) await bench.mergeBy(merge, 'yes');
  assert.deepEqual([bench.begunAnew, await bench.state()], [[], { yes: '4' }]);
});

it('and gets the one that all agree on, once', async () => {
  const bench = startBench();
  const [old, next] = [bench.mergerOf('tally'), bench.mergerOf('latest')];
  await bench.mergeBy(old, 'yes');
  await bench.mergeBy(next, 'yes', false);
  bench.agree();
  next.settle();
  await bench.mergeBy(next, 'no', false);
  await bench.mergeBy(next, 'well', false);
  assert.deepEqual(bench.begunAnew, ['room']);
  assert.deepEqual(await bench.state(), { ann: 'well' });
});

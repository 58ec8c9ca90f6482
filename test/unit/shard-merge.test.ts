/** A shard's merge over the memory engine: when it asks the store what there is, and when it takes a wake's word for it. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Clock } from '../../src/clock.ts';
import type { Change } from '../../src/domain/change.ts';
import type { Engine, Evidence, Found } from '../../src/engine/engine.ts';
import { createMemoryEngine } from '../../src/engine/memory.ts';
import { createLogger } from '../../src/log.ts';
import { createReducerFor } from '../../src/merger/reducers/patterns.ts';
import { ShardMerge } from '../../src/merger/shard-merge.ts';
import { createMetrics } from '../../src/metrics.ts';
import { generousOptions } from '../contract/engine/kit.ts';

const LEASE_MS = 1_000;

const changeOf = (text: string): Change => {
  return { channel: 'room', from: '', seq: 0, acceptedMs: 0, bytes: Buffer.from(text) };
};

async function startBench() {
  let nowMs = 0;
  const clock: Clock = { wallMs: () => nowMs, elapsedMs: () => nowMs };
  const memory = createMemoryEngine({ ...generousOptions, shards: 1 }, clock);
  let peeks = 0;
  const evidence: Evidence[] = [];
  const engine: Engine = {
    ...memory,
    peek(...asked) {
      peeks++;
      return memory.peek(...asked);
    },
    renew(shard, epoch, seen) {
      evidence.push(seen);
      return memory.renew(shard, epoch, seen);
    },
  };
  const metrics = createMetrics();
  const merge = new ShardMerge(0, {
    engine,
    log: createLogger({ logLevel: 'silent' }),
    metrics,
    clock,
    leaseMs: LEASE_MS,
    reducerFor: createReducerFor([]),
    stateMaxBytes: 1_000,
  });
  await merge.round();
  peeks = 0;
  return {
    merge,
    engine,
    passMs(ms: number) {
      nowMs += ms;
    },
    /** Appends, and what a wake would tell of it; `behind` commits late. */
    async wakeBy(text: string, behind = 0): Promise<Found> {
      const { epoch, rev } = await shardOf(memory);
      await memory.append([changeOf(text)]);
      return { epoch, rev: rev - behind, entries: [{ kind: 'change', change: changeOf(text) }] };
    },
    peeks: () => peeks,
    evidence,
    /** Changes that come, each with its round. */
    async put(...texts: readonly string[]) {
      await memory.append(texts.map(changeOf));
    },
    inboxEntries: async () => (await metrics.inboxEntries.get()).values.map(({ value }) => value),
    async texts() {
      const page = await memory.readHistory('room', null, 100);
      assert.ok(page.kind === 'events');
      return page.events.map(({ bytes }) => String(bytes));
    },
  };
}

async function shardOf(engine: Engine): Promise<{ epoch: string; rev: number }> {
  const { log } = await engine.readHistory('room', null, 0);
  const { rev } = await engine.load(0, []);
  return { epoch: log.epoch, rev };
}

it('what a wake found is merged without asking, one after the other', async () => {
  const bench = await startBench();
  for (const text of ['1', '2', '3']) assert.equal(await bench.merge.round(await bench.wakeBy(text)), 'idle');
  assert.deepEqual(await bench.texts(), ['1', '2', '3']);
  assert.equal(bench.peeks(), 0);
});

it('what was found before the last commit is not believed: the inbox is read', async () => {
  const bench = await startBench();
  await bench.merge.round(await bench.wakeBy('1'));
  const found = await bench.wakeBy('2', 1);
  await bench.merge.round({ ...found, entries: [{ kind: 'change', change: changeOf('1') }] });
  assert.deepEqual(await bench.texts(), ['1', '2']);
  assert.equal(bench.peeks(), 1);
});

it('nor what was found in another epoch', async () => {
  const bench = await startBench();
  await bench.merge.round({ ...(await bench.wakeBy('1')), epoch: 'zzzzzz' });
  assert.deepEqual([await bench.texts(), bench.peeks()], [['1'], 1]);
});

it('the lease is asked for again while a half of it is left', async () => {
  const bench = await startBench();
  bench.passMs(LEASE_MS / 4);
  await bench.merge.round(await bench.wakeBy('1'));
  assert.equal(bench.peeks(), 0);
  bench.passMs(1);
  await bench.merge.round(await bench.wakeBy('2'));
  assert.deepEqual([await bench.texts(), bench.peeks()], [['1', '2'], 1]);
});

it('after any doubt the inbox is read', async () => {
  const bench = await startBench();
  bench.merge.failed();
  await bench.merge.round(await bench.wakeBy('1'));
  assert.deepEqual([await bench.texts(), bench.peeks()], [['1'], 1]);
});

it('a shard that gets many at once, twice in a row, waits for company; one that did once does not', async () => {
  const bench = await startBench();
  const results: unknown[] = [];
  for (const count of [4, 4, 3, 4, 40, 0]) {
    if (count > 0) await bench.engine.append(Array.from({ length: count }, () => changeOf('x')));
    results.push(await bench.merge.round());
  }
  assert.deepEqual(results, ['idle', 4, 'idle', 'idle', 20, 'idle']);
});

it('what has expired goes also while there is no end of changes', async () => {
  const bench = await startBench();
  const idle = { ...changeOf('x'), channel: 'idle' };
  await bench.engine.append([idle]);
  await bench.merge.round();
  for (let i = 0; i < 4; i++) {
    bench.passMs(generousOptions.channelIdleMs / 4 + 1);
    await bench.put('1', '2', '3', '4');
    const result = await bench.merge.round();
    if (i > 0) assert.equal(result, 4, 'a shard that waits for company');
  }
  const { channels } = await bench.engine.load(0, [{ channel: 'idle', froms: [], withState: false }]);
  assert.equal(channels[0]!.head, null);
});

it("who finds the lease to be another's tells once what it was confirmed, and what waits is not its to say", async () => {
  const bench = await startBench();
  await bench.put('1');
  await bench.merge.round();
  const { rev } = await shardOf(bench.engine);
  assert.deepEqual(await bench.inboxEntries(), [0]);
  bench.passMs(LEASE_MS);
  const other = { token: 'another', ms: LEASE_MS };
  await bench.engine.peek(0, other, { maxEntries: 1, maxBytes: 1 });
  for (let i = 0; i < 3; i++) assert.equal(await bench.merge.round(), 'held');
  assert.deepEqual(bench.evidence, [{ kind: 'rev', rev }]);
  assert.deepEqual(await bench.inboxEntries(), []);
  bench.passMs(LEASE_MS);
  assert.equal(await bench.merge.round(), 'idle');
  await bench.engine.release(0, 'another');
  assert.deepEqual(await bench.inboxEntries(), [0]);
});

it('what is too much for one call is merged in parts', async () => {
  const bench = await startBench();
  const { load } = bench.engine;
  const sizes: number[] = [];
  bench.engine.load = (shard, wishes) => {
    sizes.push(wishes.length);
    return wishes.length > 10 ? Promise.reject(new Error('too slow')) : load(shard, wishes);
  };
  await bench.engine.append(Array.from({ length: 64 }, (_, i) => ({ ...changeOf('x'), channel: `room-${i}` })));
  let failures = 0;
  for (let i = 0; i < 40; i++) {
    await bench.merge.round().catch(() => {
      failures++;
      bench.merge.failed();
    });
  }
  const loaded = await load(
    0,
    Array.from({ length: 64 }, (_, i) => ({ channel: `room-${i}`, froms: [], withState: false })),
  );
  assert.ok(
    loaded.channels.every(({ head }) => head !== null),
    `${failures} failures, loads of ${sizes}`,
  );
});

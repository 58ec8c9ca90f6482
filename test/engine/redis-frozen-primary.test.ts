/** A Cluster of which one primary stands still and nobody takes its place: what has to do with the others goes on. */
import assert from 'node:assert/strict';
import { after, afterEach, it } from 'node:test';
import { createRedisEngine } from '../../src/engine/redis/engine.ts';
import { slotOf } from '../../src/engine/redis/nodes/topology.ts';
import { EngineUnavailable } from '../../src/errors.ts';
import { change, changesOf, channelOn, generousOptions, textOf } from '../contract/engine/kit.ts';
import { startRedisCluster, withoutFailover } from '../support/redis-cluster.ts';
import type { RedisServer } from '../support/redis-server.ts';
import { waitFor } from '../support/wait.ts';

const cluster = await startRedisCluster(withoutFailover);
after(() => cluster.stop());
const primaries = cluster.nodes.slice(0, 3);
afterEach(() => {
  for (const primary of primaries) primary.resume();
});

const SHARDS = 6;
const shards = Array.from({ length: SHARDS }, (_, shard) => shard);
const owners: RedisServer[] = [];
for (const shard of shards) owners.push(await cluster.ownerOf(slotOf(shard)));
/** Those of the one that is to stand still. */
const frozen = shards.filter((shard) => owners[shard] === owners[SHARDS - 1]);
const healthy = shards.filter((shard) => owners[shard] !== owners[SHARDS - 1]);

async function open() {
  const log = { info() {}, warn() {}, error() {} };
  const prefix = `test-${Math.random().toString(36).slice(2)}`;
  const options = { ...generousOptions, shards: SHARDS, url: cluster.url, mode: 'cluster', prefix, log } as const;
  const engine = await createRedisEngine(options);
  return { engine, [Symbol.asyncDispose]: () => engine.close() };
}

async function textsOn(engine: Awaited<ReturnType<typeof open>>['engine'], shard: number): Promise<string[]> {
  const peek = await engine.peek(shard, { token: 'merger', ms: 60_000 }, { maxEntries: 100, maxBytes: 100_000 });
  return peek.kind === 'entries' ? changesOf(peek).map(textOf) : assert.fail(peek.kind);
}

it('an append has an outcome for each change: unknown is that of the frozen ones alone', async () => {
  await using bench = await open();
  const { engine } = bench;
  assert.ok(frozen.length > 0 && healthy.length > 0, 'the shards are on several primaries');
  assert.equal(engine.shardsFailApart, true);
  owners[SHARDS - 1]!.pause();
  const outcomes = await engine.append(shards.map((shard) => change(channelOn(shard, SHARDS), 'x')));
  assert.deepEqual(
    outcomes,
    shards.map((shard) => (frozen.includes(shard) ? 'unknown' : 'accepted')),
  );
  for (const shard of healthy) assert.deepEqual(await textsOn(engine, shard), ['x']);
});

it('an append to frozen shards alone fails, as where all of the store is away', async () => {
  await using bench = await open();
  owners[SHARDS - 1]!.pause();
  const changes = frozen.map((shard) => change(channelOn(shard, SHARDS), 'x'));
  await assert.rejects(bench.engine.append(changes), EngineUnavailable);
});

it('a ping tells which shards are away, and who is back', async () => {
  await using bench = await open();
  const { engine } = bench;
  assert.equal((await engine.ping()).size, 0);
  owners[SHARDS - 1]!.pause();
  for (let i = 0; i < 3; i++) {
    const away = await engine.ping();
    assert.deepEqual([...away.keys()].sort(), frozen);
    for (const reason of away.values()) assert.ok(reason instanceof EngineUnavailable);
  }
  owners[SHARDS - 1]!.resume();
  const isBack = async () => (await engine.ping()).size === 0;
  await waitFor(isBack, { timeoutMs: 20_000, what: 'all shards to be back' });
});

it('a ping answers although the shard is away whose primary knows what the store is for', async () => {
  await using bench = await open();
  const { engine } = bench;
  const first = owners[0]!;
  const its = shards.filter((shard) => owners[shard] === first);
  first.pause();
  const until = performance.now() + 7_000;
  // For longer than it takes until that is asked again.
  while (performance.now() < until) assert.deepEqual([...(await engine.ping()).keys()].sort(), its);
});

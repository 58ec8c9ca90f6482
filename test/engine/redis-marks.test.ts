/** Whether a mark still holds when another Redis process serves the shard: only where it began with all that the mark stands for. */
import assert from 'node:assert/strict';
import { after, it } from 'node:test';
import { Redis } from 'ioredis';
import { CHANGES_MAX, type Mark } from '../../src/engine/comparing.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { createRedisEngine } from '../../src/engine/redis/engine.ts';
import { type Bench, generousOptions, opener } from '../contract/engine/kit.ts';
import { startRedis } from '../support/redis-server.ts';

const redis = await startRedis();
const direct = new Redis(redis.url);
after(async () => {
  direct.disconnect();
  await redis.stop();
});

const ignore = () => {};
const log = { info: ignore, warn: ignore, error: ignore };
let prefix = '';
const open = opener(async (options) => {
  prefix = `marks-${Math.random().toString(36).slice(2)}`;
  const engine = await createRedisEngine({ ...generousOptions, shards: 1, ...options, url: redis.url, prefix, log });
  return { engine, close: () => engine.close() };
});

const since = async (engine: Engine, mark: Mark) => (await engine.readChanges(0, mark, CHANGES_MAX)).channels;

/** What another process does when it is first merged on (`lua/peek.lua`), played on the shard's own key. */
async function takenOver(bench: Bench, server: string): Promise<void> {
  await direct.hset(`${prefix}:{0}:shard`, 'server', server, 'serverReplId', server);
  // This process finds a shard that another was merged on: as after a restart, or a failover.
  await bench.until('the pause to end', async () => {
    const lease = { token: 'merger-1', ms: 600_000 };
    const peeked = await bench.engine.peek(0, lease, { maxEntries: 1, maxBytes: 1 });
    // As the merger that was there before does: all that it saw is there.
    const vouched = { kind: 'rev', rev: 1, token: lease.token } as const;
    if (peeked.kind === 'unvouched') await bench.engine.renew(0, peeked.epoch, vouched);
    return peeked.kind === 'entries';
  });
}

const hashOf = () => direct.hgetall(`${prefix}:{0}:shard`);
const setHash = (fields: Record<string, string>) => direct.hset(`${prefix}:{0}:shard`, fields);

it('a mark holds under a process that followed on its own, with all that it had', async () => {
  await using bench = await open();
  const [a, b] = [bench.channel(), bench.channel()];
  await bench.put(a, 'x');
  await setHash({ server: 'first', serverSince: '0' });
  const { mark } = await bench.engine.readChanges(0, null, CHANGES_MAX);
  await takenOver(bench, 'first');
  assert.notEqual((await hashOf()).server, 'first');
  assert.deepEqual(await since(bench.engine, mark), []);
  await bench.put(b, 'y');
  assert.deepEqual(await since(bench.engine, mark), [b]);
});

it('not under one that began with less, though it has come to as much', async () => {
  await using bench = await open();
  const channel = bench.channel();
  await bench.put(channel, 'x');
  const behind = await hashOf();
  await bench.put(channel, 'lost');
  await setHash({ server: 'first', serverSince: '0' });
  const { mark } = await bench.engine.readChanges(0, null, CHANGES_MAX);
  await setHash({ rev: behind.rev!, events: behind.events! });
  await takenOver(bench, 'first');
  await setHash({ rev: String(Number(behind.rev) + 1), events: String(Number(behind.events) + 1) });
  assert.equal(await since(bench.engine, mark), null);
});

it('nor under one that others were between, nor when the first is back', async () => {
  await using bench = await open();
  const channel = bench.channel();
  await bench.put(channel, 'x');
  const { mark } = await bench.engine.readChanges(0, null, CHANGES_MAX);
  const { server } = await hashOf();
  await setHash({ server: 'second', serverBefore: server!, serverSince: '1' });
  assert.deepEqual(await since(bench.engine, mark), []);
  await takenOver(bench, 'second');
  assert.equal((await hashOf()).server, server, 'the first is back');
  assert.equal(await since(bench.engine, mark), null);
  const { mark: again } = await bench.engine.readChanges(0, null, CHANGES_MAX);
  assert.deepEqual(await since(bench.engine, again), []);
});

/** Where sessions are kept keeps its contract: in memory, in a directory, on a Redis, and on a Redis Cluster. */
import assert from 'node:assert/strict';
import { after, it } from 'node:test';
import { createDiskPasses } from '../../src/access/sessions/disk-store.ts';
import { createMemoryPasses } from '../../src/access/sessions/memory-store.ts';
import { createRedisPasses, redisPassNeeds } from '../../src/access/sessions/redis-store.ts';
import { systemClock } from '../../src/clock.ts';
import { createDurableEngine } from '../../src/engine/durable/engine.ts';
import { createRedisEngine, type RedisEngine, type RedisEngineOptions } from '../../src/engine/redis/engine.ts';
import type { RedisRole } from '../../src/engine/redis/start/needs.ts';
import { generousOptions } from '../contract/engine/kit.ts';
import { type PassBench, passContract } from '../contract/passes.ts';
import { makeFolder } from '../support/folder.ts';
import { startRedisCluster } from '../support/redis-cluster.ts';
import { startRedis } from '../support/redis-server.ts';
import { startRedisWithUsers } from '../support/redis-users.ts';

const ignore = () => {};
const log = { info: ignore, warn: ignore, error: ignore };

async function onRedis(url: string, mode: RedisEngineOptions['mode'] & string): Promise<PassBench> {
  const prefix = `test-${Math.random().toString(36).slice(2)}`;
  const open = () => createRedisEngine({ ...generousOptions, shards: 12, url, prefix, mode, log });
  return benchOf(await open(), await open());
}

function benchOf(a: RedisEngine, b: RedisEngine): PassBench {
  return {
    stores: [createRedisPasses(a.link), createRedisPasses(b.link)],
    async [Symbol.asyncDispose]() {
      await Promise.all([a.close(), b.close()]);
    },
  };
}

// All of them before the first test: whoever has run all that there is by then is done, and stops what the rest would need.
const [redis, guarded, cluster] = await Promise.all([startRedis(), startRedisWithUsers(), startRedisCluster()]);
after(() => Promise.all([redis.stop(), guarded[Symbol.asyncDispose](), cluster.stop()]));

passContract({
  name: 'memory',
  async create() {
    const store = createMemoryPasses(systemClock);
    return { stores: [store, store], [Symbol.asyncDispose]: async () => undefined };
  },
});

passContract({
  name: 'a directory',
  async create() {
    const folder = makeFolder();
    const box = await createDurableEngine({ ...generousOptions, dataDir: folder.path });
    const store = await createDiskPasses(box.link);
    return {
      stores: [store, store],
      async [Symbol.asyncDispose]() {
        await box.close();
        folder[Symbol.dispose]();
      },
    };
  },
});

it('a directory has passes still when the box begins again, for the time that was left', async () => {
  using folder = makeFolder();
  let elapsedMs = 5_000;
  const clock = { ...systemClock, elapsedMs: () => elapsedMs };
  const open = async () => {
    const box = await createDurableEngine({ ...generousOptions, dataDir: folder.path }, clock);
    return { box, passes: await createDiskPasses(box.link) };
  };
  const first = await open();
  const put = (name: string, ttlMs: number) => [{ name, before: null, after: `of ${name}`, ttlMs }];
  assert.ok(await first.passes.write(1, put('long', 10_000), []));
  assert.ok(await first.passes.write(1, put('short', 1_000), []));
  assert.ok(await first.passes.write(2, put('gone', 10_000), []));
  assert.ok(await first.passes.write(2, [{ name: 'gone', after: null }], []));
  // Both want it to be new: on their way together, one of them gets it.
  const both = await Promise.all([1, 2].map(() => first.passes.write(3, put('one', 10_000), [])));
  assert.deepEqual(both.sort(), [false, true]);
  await first.box.close();
  elapsedMs = 0;
  const again = await open();
  elapsedMs = 1_000;
  assert.deepEqual(await again.passes.read(1, ['long', 'short']), ['of long', null]);
  assert.deepEqual(await again.passes.read(2, ['gone']), [null]);
  elapsedMs = 10_000;
  assert.deepEqual(await again.passes.read(1, ['long']), [null]);
  await again.box.close();
});

passContract({ name: 'redis', create: () => onRedis(redis.url, 'standalone') });

/** Servers of two roles, each as its own user of that Redis. */
passContract({
  name: 'redis with a user for each role',
  async create() {
    const open = (role: RedisRole) => {
      const url = guarded.urlOf(role);
      return createRedisEngine({ ...generousOptions, url, prefix: 'sc', roles: [role], guest: redisPassNeeds, log });
    };
    return benchOf(await open('bucket'), await open('gateway'));
  },
});

passContract({ name: 'cluster', create: () => onRedis(cluster.url, 'cluster') });

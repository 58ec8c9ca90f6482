/** Where sessions are kept keeps its contract: in memory, on a Redis, and on a Redis Cluster. */
import { after } from 'node:test';
import { createMemoryPasses } from '../../src/access/sessions/memory-store.ts';
import { createRedisPasses, redisPassNeeds } from '../../src/access/sessions/redis-store.ts';
import { systemClock } from '../../src/clock.ts';
import { createRedisEngine, type RedisEngine, type RedisEngineOptions } from '../../src/engine/redis/engine.ts';
import type { RedisRole } from '../../src/engine/redis/start/needs.ts';
import { generousOptions } from '../contract/engine/kit.ts';
import { type PassBench, passContract } from '../contract/passes.ts';
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

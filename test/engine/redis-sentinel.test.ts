/** The Redis engine behind Sentinels: found by name at start, and again when they promote the replica. */
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { createRedisEngine, type RedisEngineOptions } from '../../src/engine/redis/engine.ts';
import { EngineUnusable } from '../../src/errors.ts';
import { generousOptions } from '../contract/engine/kit.ts';
import { startRedisSentinel } from '../support/redis-sentinel.ts';
import { waitFor } from '../support/wait.ts';
import { startWorkload } from './redis-workload.ts';

const redis = await startRedisSentinel();
after(() => redis.stop());

const ignore = () => {};
const log = { info: ignore, warn: ignore, error: ignore };
const common = { ...generousOptions, historyMaxEvents: 100_000, prefix: 'sc', log, mode: 'sentinel' } as const;
const create = (options: Partial<RedisEngineOptions> = {}) =>
  createRedisEngine({ ...common, url: redis.url, sentinelMaster: redis.master, ...options });

const says = (pattern: RegExp) => (error: Error) => error instanceof EngineUnusable && pattern.test(error.message);

describe('redis behind Sentinels', () => {
  it('says in a sentence what is wrong at start', async () => {
    await assert.rejects(create({ sentinelMaster: 'notes' }), says(/No such master/));
    await assert.rejects(
      create({ url: 'redis://127.0.0.1:1,redis://127.0.0.1:2' }),
      says(/failed to connect to sentinel/),
    );
    await assert.rejects(create({ url: redis.servers[0].url }), says(/cannot be used: .*SENTINEL/i));
    await assert.rejects(create({ mode: 'standalone' }), says(/This is a Sentinel, and REDIS_MODE is standalone/));
  });

  it('needs one Sentinel that answers, and closes in time', async () => {
    const engine = await create({ url: `redis://127.0.0.1:1,${redis.url.split(',')[2]}` });
    await engine.ping();
    await engine.close();
  });

  it('loses no accepted change when the primary dies and the replica is promoted', async () => {
    const engine = await create({ waitReplicas: 1 });
    await using _closing = { [Symbol.asyncDispose]: () => engine.close() };
    await using work = await startWorkload(engine);
    await work.goesOn(20);
    const before = await redis.primary();
    await before.kill9();
    await waitFor(async () => (await redis.primary()) !== before, { what: 'the failover', timeoutMs: 20_000 });
    // It comes back as a replica: without one nothing would be accepted. The Sentinels would take ten seconds to tell it.
    await before.restart({ replicaof: `127.0.0.1 ${(await redis.primary()).port}` });
    await work.goesOn(20);
    for (const channel of work.channels)
      assert.ok(work.suspected(channel) > 0, 'it was told that it may have missed some');
    await work.finish();
  });
});

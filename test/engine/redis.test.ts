/** The Redis engine keeps the contract, on a Redis of its own; each engine under a prefix of its own. */
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import type { EngineOptions } from '../../src/engine/engine.ts';
import { createRedisEngine } from '../../src/engine/redis/engine.ts';
import { EngineUnusable } from '../../src/errors.ts';
import { bytesOf, change, event, generousOptions, LONG_MS, TOKEN } from '../contract/engine/kit.ts';
import { engineContract } from '../contract/engine.ts';
import { injectEntry } from '../support/inject.ts';
import { startRedis } from '../support/redis-server.ts';

const redis = await startRedis();
after(() => redis.stop());

const ignore = () => {};
const log = { info: ignore, warn: ignore, error: ignore };
const newPrefix = () => `test-${Math.random().toString(36).slice(2)}`;
const create = (prefix: string, options: Partial<EngineOptions> = {}) =>
  createRedisEngine({ ...generousOptions, ...options, url: redis.url, prefix, log });

engineContract({
  name: 'redis',
  supports: { unreadable: true },
  async create(options) {
    const prefix = newPrefix();
    const engine = await create(prefix, options);
    return {
      engine,
      inject: (shard, raw) => injectEntry(redis.cli, prefix, shard, raw),
      close: () => engine.close(),
    };
  },
});

describe('redis engine', () => {
  it('refuses a store that was made with another number of shards', async () => {
    const prefix = newPrefix();
    const first = await create(prefix, { shards: 4 });
    await assert.rejects(create(prefix, { shards: 5 }), EngineUnusable);
    const again = await create(prefix, { shards: 4 });
    await Promise.all([first.close(), again.close()]);
  });

  it('is one with every other engine on the same store', async () => {
    const prefix = newPrefix();
    const [a, b] = await Promise.all([create(prefix, { shards: 1 }), create(prefix, { shards: 1 })]);
    const woken = new Promise((resolve) => b.watch(resolve));
    await b.ping();
    const published = new Promise((resolve) => {
      void b.subscribe('room', { published: (epoch, events) => resolve([epoch, events.length]), suspect: ignore });
    });
    await b.readHistory('room', null, 1);
    await a.append([change('room', 'x')]);
    assert.equal(await woken, 0);
    const peek = await a.peek(0, { token: TOKEN, ms: LONG_MS }, { maxEntries: 10, maxBytes: 1_000 });
    assert.ok(peek.kind === 'entries');
    assert.equal((await b.peek(0, { token: 'other', ms: 1 }, { maxEntries: 1, maxBytes: 1 })).kind, 'held');
    const { rev, epoch } = peek;
    const room = { channel: 'room', head: null, events: [event(1, 'x')], reducer: 'log' };
    const channels = [{ ...room, state: new Map(), stateBytes: 0, seqs: new Map() }];
    await a.commit(0, { token: TOKEN, rev, epoch, entries: 1, channels, unreadable: [] });
    assert.deepEqual(await published, [epoch, 1]);
    await Promise.all([a.close(), b.close()]);
  });

  it('keeps the newest 1,000 of what it set aside', async () => {
    const prefix = newPrefix();
    const engine = await create(prefix, { shards: 1 });
    for (let round = 0; round < 3; round++) {
      const peek = await engine.peek(0, { token: TOKEN, ms: LONG_MS }, { maxEntries: 1, maxBytes: 1 });
      assert.ok(peek.kind === 'entries');
      const unreadable = Array.from({ length: 400 }, (_, i) => bytesOf(`bad-${round * 400 + i}`));
      const { rev, epoch } = peek;
      await engine.commit(0, { token: TOKEN, rev, epoch, entries: 0, channels: [], unreadable });
    }
    const kept = (await redis.cli('LRANGE', `${prefix}:{0}:bad`, '0', '-1')).split('\n');
    assert.deepEqual([kept.length, kept[0], kept[999]], [1_000, 'bad-200', 'bad-1199']);
    await engine.close();
  });
});

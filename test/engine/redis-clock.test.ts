/** An engine on a Redis whose wall clock is set back and forth: it decides nothing about leases, age or who is there. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Engine, EngineOptions } from '../../src/engine/engine.ts';
import { createRedisEngine } from '../../src/engine/redis/engine.ts';
import { type Bench, generousOptions, LONG_MS, opener, TOKEN } from '../contract/engine/kit.ts';
import { startRedis } from '../support/redis-server.ts';
import { createSteppedClock } from '../support/stepped-clock.ts';
import { waitFor } from '../support/wait.ts';

const DAYS_2 = 2 * 86_400;
const STEPS = [-DAYS_2, -600, 600, DAYS_2] as const;
const ONE = { maxEntries: 1, maxBytes: 1 };

const dir = mkdtempSync(join(tmpdir(), 'smallchange-clock-'));
const clock = createSteppedClock(dir);
const redis = await startRedis({}, clock.env);
after(async () => {
  await redis.stop();
  rmSync(dir, { recursive: true });
});
beforeEach(() => clock.set(0));

const ignore = () => {};
const log = { info: ignore, warn: ignore, error: ignore };
let prefix = '';
const create = (options: Partial<EngineOptions> = {}) =>
  createRedisEngine({ ...generousOptions, ...options, url: redis.url, prefix, log });
const open = opener(async (options) => {
  prefix = `test-${Math.random().toString(36).slice(2)}`;
  const engine = await create(options);
  return { engine, close: () => engine.close() };
});

async function another() {
  const engine = await create();
  return { engine, [Symbol.asyncDispose]: () => engine.close() };
}

async function has(engine: Engine, token: string, ms: number): Promise<boolean> {
  return (await engine.peek(0, { token, ms }, ONE)).kind !== 'held';
}

/** How long it took until the second merger, on an engine of its own, had what the first does not come back for. */
async function takeoverMs(second: Engine, ms: number): Promise<number> {
  const began = performance.now();
  await waitFor(() => has(second, 'second', ms), {
    what: 'the second merger to have the shard',
    timeoutMs: 20_000,
  });
  return performance.now() - began;
}

async function stepped(redisTime: number): Promise<number> {
  return Number((await redis.cli('TIME')).split('\n')[0]) - redisTime;
}

it('the clock of this Redis is moved while it runs', async () => {
  const [before] = (await redis.cli('TIME')).split('\n');
  clock.set(DAYS_2);
  assert.ok((await stepped(Number(before))) >= DAYS_2);
  clock.set(-DAYS_2);
  assert.ok((await stepped(Number(before))) <= -DAYS_2 + 60);
});

describe('a lease', () => {
  const LEASE_MS = 1_500;

  for (const seconds of STEPS) {
    it(`whose holder vanishes when the clock has moved by ${seconds} s lasts as long as it was to`, async () => {
      await using bench = await open();
      await using second = await another();
      await has(bench.engine, 'first', LEASE_MS);
      assert.equal(await has(second.engine, 'second', LEASE_MS), false);
      clock.set(seconds);
      const tookMs = await takeoverMs(second.engine, LEASE_MS);
      assert.ok(tookMs > LEASE_MS / 2, `taken after ${tookMs} ms: its holder might have come back`);
      assert.ok(tookMs < LEASE_MS + 1_000, `taken after ${tookMs} ms only`);
    });
  }

  it('stays with who comes back for it, wherever the clock goes', async () => {
    await using bench = await open();
    await using second = await another();
    const commit = await bench.draft(0, [], { token: 'first' });
    await bench.engine.release(0, TOKEN);
    await has(bench.engine, 'first', LEASE_MS);
    for (const seconds of [DAYS_2, 0, -DAYS_2, DAYS_2, 0]) {
      assert.equal(await has(second.engine, 'second', LEASE_MS), false);
      clock.set(seconds);
      const untilMs = performance.now() + LEASE_MS;
      while (performance.now() < untilMs) {
        assert.equal(await has(second.engine, 'second', LEASE_MS), false);
        assert.ok(await has(bench.engine, 'first', LEASE_MS));
        await sleep(50);
      }
    }
    assert.equal((await bench.engine.commit(0, commit)).kind, 'committed');
  });

  it('that was taken while the clock was ahead for a moment is no longer', async () => {
    await using bench = await open();
    await using second = await another();
    clock.set(DAYS_2);
    await has(bench.engine, 'first', LEASE_MS);
    clock.set(0);
    const tookMs = await takeoverMs(second.engine, LEASE_MS);
    assert.ok(tookMs < LEASE_MS + 1_000, `taken after ${tookMs} ms only`);
  });

  it('is free at once for who comes when it is over by a clock that is right', async () => {
    await using bench = await open();
    await has(bench.engine, 'first', 100);
    await sleep(200);
    await using second = await another();
    assert.ok(await has(second.engine, 'second', LEASE_MS));
  });

  for (const seconds of STEPS) {
    it(`ends with its Redis, and the pause that follows is a second, also when the clock moves by ${seconds} s in it`, async () => {
      await using bench = await open();
      const { epoch } = await bench.peek();
      await redis.cli('HSET', `${prefix}:{0}:shard`, 'server', '0'.repeat(40), 'serverReplId', '0'.repeat(40));
      assert.equal(await has(bench.engine, 'second', LONG_MS), false);
      clock.set(seconds);
      const tookMs = await takeoverMs(bench.engine, LONG_MS);
      assert.ok(tookMs > 800 && tookMs < 2_500, `${tookMs} ms`);
      assert.equal((await bench.bounds(bench.channel())).epoch, epoch);
    });
  }
});

describe('age', () => {
  const IDLE_MS = 1_000;
  const options = { channelIdleMs: 60_000, dedupeTtlMs: 60_000 };

  async function seqs(bench: Bench, channel: string): Promise<readonly number[]> {
    return (await bench.engine.load(0, [{ channel, froms: ['p.1'], withState: false }])).channels[0]!.seqs;
  }

  it('is not what a clock says that goes two days ahead: nothing is forgotten', async () => {
    await using bench = await open(options);
    const channel = bench.channel();
    await bench.commit(0, [{ channel, events: ['a'], seqs: { 'p.1': 5 } }]);
    for (const seconds of [DAYS_2, 0, DAYS_2, -DAYS_2, DAYS_2, 2 * DAYS_2]) {
      assert.ok(await has(bench.engine, TOKEN, 1_000));
      clock.set(seconds);
      const swept = await bench.engine.sweep(0, TOKEN, 100);
      assert.ok(swept.kind === 'swept');
      assert.deepEqual([swept.channels, swept.publishers], [[], []]);
    }
    assert.deepEqual(await bench.texts(channel), ['a']);
    assert.deepEqual(await seqs(bench, channel), [5]);
  });

  for (const seconds of [-DAYS_2, DAYS_2]) {
    it(`goes on after the clock has moved by ${seconds} s: what is old is forgotten`, async () => {
      await using bench = await open({ channelIdleMs: IDLE_MS, dedupeTtlMs: IDLE_MS });
      const channel = bench.channel();
      await bench.commit(0, [{ channel, events: ['a'], seqs: { 'p.1': 5 } }]);
      clock.set(seconds);
      const lease = { token: TOKEN, ms: 1_000 };
      await bench.until('channel and publisher to be forgotten', async () => {
        await bench.engine.peek(0, lease, ONE);
        await bench.engine.sweep(0, TOKEN, 100);
        return (await bench.texts(channel)).length === 0 && (await seqs(bench, channel))[0] === 0;
      });
    });
  }
});

describe('a roll call', () => {
  it('forgets who is gone, also when the clock was set back', async () => {
    await using bench = await open();
    await bench.engine.gather('gateways', 'gone', 7, 60_000);
    clock.set(-DAYS_2);
    assert.deepEqual(await bench.engine.gather('gateways', 'here', 1, 60_000), [1]);
  });
});

/** A store, or something in it, that is of another version than this: refused in words, or left to who can read it; never guessed. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { pack } from 'msgpackr';
import { systemClock } from '../../src/clock.ts';
import { cursorOf } from '../../src/domain/cursor.ts';
import type { EngineOptions } from '../../src/engine/engine.ts';
import { createRedisEngine } from '../../src/engine/redis/engine.ts';
import { EngineForbidden, EngineUnusable } from '../../src/errors.ts';
import { Hub } from '../../src/gateway/hub/hub.ts';
import { findStart } from '../../src/gateway/stream/start.ts';
import { createLogger, type Logger } from '../../src/log.ts';
import { createMerger } from '../../src/merger/merger.ts';
import { createReducerFor } from '../../src/merger/reducers/patterns.ts';
import { createMetrics } from '../../src/metrics.ts';
import { change, channelOn, generousOptions, textOf } from '../contract/engine/kit.ts';
import { injectEntry } from '../support/inject.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import { waitFor } from '../support/wait.ts';

const ignore = () => {};

async function open(redis: RedisServer, rest: Partial<EngineOptions> = {}) {
  const lines: string[] = [];
  const at = (level: string) => (_: object, message: string) => void lines.push(`${level}: ${message}`);
  const log = { info: at('info'), warn: at('warn'), error: at('error') };
  const engine = await createRedisEngine({ ...generousOptions, ...rest, url: redis.url, prefix: 'sc', log });
  return { engine, lines, [Symbol.asyncDispose]: () => engine.close() };
}

type Opened = Awaited<ReturnType<typeof open>>;

async function startMerger({ engine }: Opened) {
  const errors: string[] = [];
  const log = Object.assign(Object.create(createLogger({ logLevel: 'silent' })), {
    error: (_: object, message: string) => void errors.push(message),
  }) as Logger;
  const merger = createMerger({
    engine,
    log,
    clock: systemClock,
    metrics: createMetrics(),
    reducerFor: createReducerFor([{ pattern: '*', reducer: 'log' }]),
    tag: 0,
    stateMaxBytes: 1_000,
    leaseMs: 2_000,
  });
  await merger.start();
  return { errors, [Symbol.asyncDispose]: () => merger.stop() };
}

async function texts({ engine }: Opened, channel: string): Promise<string[]> {
  const page = await engine.readHistory(channel, null, 100);
  return page.kind === 'events' ? page.events.map(textOf) : [];
}

function isMerged(opened: Opened, channel: string, ...expected: string[]): Promise<unknown> {
  const are = async () => (await texts(opened, channel)).join() === expected.join();
  return waitFor(are, { what: `${channel} to be ${expected}` });
}

describe('the number of the format', () => {
  it('is written by who begins a store, and what was begun before there were numbers is of the first', async () => {
    await using redis = await startRedis();
    await (await open(redis)).engine.close();
    assert.equal(await redis.cli('GET', 'sc:{0}:format'), '1');
    await redis.cli('DEL', 'sc:{0}:format');
    await (await open(redis)).engine.close();
    assert.equal(await redis.cli('GET', 'sc:{0}:format'), '1');
  });

  it('of a newer version is refused at the start, in words', async () => {
    await using redis = await startRedis();
    await redis.cli('MSET', 'sc:{0}:shards', '2', 'sc:{0}:format', '2');
    await assert.rejects(open(redis), (error: Error) => {
      assert.ok(error instanceof EngineUnusable);
      assert.match(error.message, /of format 2 .*this version reads and writes format 1/);
      return true;
    });
  });

  for (const [name, value, words] of [
    ['shards', '5', /SHARDS is 2, but this store was begun with 5/],
    ['format', '2', /of format 2/],
  ] as const) {
    it(`or that of ${name}, once it is another underneath, stops all that is asked, until it is ours again`, async () => {
      await using redis = await startRedis();
      await using opened = await open(redis);
      const { engine, lines } = opened;
      const before = await redis.cli('GET', `sc:{0}:${name}`);
      await engine.ping();
      // Emptied, and begun by somebody else.
      await redis.cli('FLUSHALL');
      await redis.cli('MSET', 'sc:{0}:shards', '2', 'sc:{0}:format', '1');
      await redis.cli('SET', `sc:{0}:${name}`, value);
      const refused = (error: unknown) => error instanceof EngineForbidden && words.test(error.message);
      const isRefused = () => engine.ping().then(() => false, refused);
      await waitFor(isRefused, { what: 'the store to be refused', timeoutMs: 20_000, everyMs: 100 });
      await assert.rejects(engine.append([change(channelOn(0, 2), 'x')]), refused);
      await assert.rejects(engine.peek(0, { token: 'a', ms: 1_000 }, { maxEntries: 1, maxBytes: 1 }), refused);
      assert.equal(lines.filter((line) => line.startsWith('error') && words.test(line)).length, 1);
      await redis.cli('SET', `sc:{0}:${name}`, before);
      await engine.ping();
      assert.deepEqual(await engine.append([change(channelOn(0, 2), 'x')]), ['accepted']);
    });
  }
});

describe('an entry of a newer version', () => {
  it('stops its shard, loudly, and is left to a merger that can read it', async () => {
    await using redis = await startRedis();
    await using opened = await open(redis);
    const { engine } = opened;
    const [near, far] = [channelOn(0, 2), channelOn(1, 2)];
    await engine.append([change(near, 'before')]);
    await injectEntry(redis.cli, 'sc', 0, pack([2, near, 'p.1', 1, 0, Buffer.from('new'), { more: true }]));
    await engine.append([change(near, 'after'), change(far, 'x')]);
    await using merging = await startMerger(opened);
    await isMerged(opened, near, 'before');
    await isMerged(opened, far, 'x');
    await waitFor(() => merging.errors.length > 0, { what: 'a line of the log' });
    assert.match(merging.errors.join(), /a newer bucket wrote the oldest change of this shard/);
    // The newer merger: it gets the lease at once, and finds all there is.
    await using newer = await open(redis);
    const lease = { token: 'newer', ms: 60_000 };
    const peek = await waitFor(
      async () => {
        const answer = await newer.engine.peek(0, lease, { maxEntries: 10, maxBytes: 1_000 });
        return answer.kind === 'entries' ? answer : undefined;
      },
      { what: 'the lease to be free', everyMs: 50 },
    );
    assert.deepEqual(
      peek.entries.map(({ kind }) => kind),
      ['newer', 'change'],
    );
    assert.equal(await redis.cli('EXISTS', 'sc:{0}:bad'), '0');
    await redis.cli('LPOP', 'sc:{0}:inbox');
    await newer.engine.release(0, lease.token);
    await isMerged(opened, near, 'before', 'after');
    assert.equal(merging.errors.length, 1, merging.errors.join());
  });
});

describe('an event that cannot be read', () => {
  /** Events 1 to 5 of a channel, of which one is replaced by what nobody can read. */
  async function withUnreadable(offset: number) {
    const redis = await startRedis();
    const opened = await open(redis, { shards: 1 });
    const merging = await startMerger(opened);
    await opened.engine.append(['1', '2', '3', '4', '5'].map((text) => change('room', text)));
    await isMerged(opened, 'room', '1', '2', '3', '4', '5');
    const raw = `"${Array.from(pack({ format: 9 }), (byte) => `\\${String(byte).padStart(3, '0')}`).join('')}"`;
    await redis.cli(
      'EVAL',
      `return redis.call('LSET', KEYS[1], ARGV[1], ${raw})`,
      '1',
      'sc:{0}:h:room',
      String(offset - 1),
    );
    const close = async () => {
      await merging[Symbol.asyncDispose]();
      await opened.engine.close();
      await redis.stop();
    };
    return { redis, ...opened, [Symbol.asyncDispose]: close };
  }

  async function statusAt({ engine }: Pick<Opened, 'engine'>, offset: number) {
    const hub = new Hub('room', { engine, account: ignore, onError: ignore });
    await hub.opened;
    const since = cursorOf('room', { epoch: hub.epoch, offset });
    const [start] = await findStart({ histories: engine, clock: systemClock }, [hub], {
      since,
      isLastEventId: true,
      snapshot: false,
    });
    hub.close();
    return start!.status;
  }

  it('is told at warn, and to readers before it by reset; those behind it go on', async () => {
    await using bench = await withUnreadable(3);
    for (const [offset, status] of [
      [0, 'resumed'],
      [2, 'reset'],
      [3, 'resumed'],
      [5, 'resumed'],
    ] as const) {
      const hubStatus = await statusAt(bench, offset);
      // Before it there are events that can be read: they come, and then the reset.
      assert.ok(hubStatus === status || (offset === 0 && hubStatus === 'reset'), `${offset}: ${hubStatus}`);
    }
    assert.deepEqual(await texts({ ...bench }, 'room'), ['4', '5']);
    assert.equal(bench.lines.filter((line) => /^warn: an event cannot be read/.test(line)).length, 1);
  });

  it('that is published makes the hub start over, and it goes on with what follows', async () => {
    await using bench = await withUnreadable(5);
    const { engine, redis } = bench;
    const hub = new Hub('room', { engine, account: ignore, onError: ignore });
    await hub.opened;
    let restarts = 0;
    hub.readers.add({ advanced: ignore, restarted: () => void restarts++ });
    assert.equal(hub.head, 5);
    await redis.cli('SPUBLISH', 'sc:{0}:e:room', 'what is that');
    await engine.append([change('room', '6')]);
    await waitFor(() => hub.head === 6, { what: 'the hub to have what followed' });
    hub.close();
    assert.ok(bench.lines.some((line) => /^warn: an event cannot be read/.test(line)));
  });
});

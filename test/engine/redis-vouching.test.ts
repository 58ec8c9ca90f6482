/** A Redis that comes back, perhaps with less, when nobody of the fleet is left who could know: only readers do. */
import assert from 'node:assert/strict';
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { systemClock } from '../../src/clock.ts';
import { cursorOf } from '../../src/domain/cursor.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { createRedisEngine } from '../../src/engine/redis/engine.ts';
import { Hub } from '../../src/gateway/hub/hub.ts';
import { findStart } from '../../src/gateway/stream/start.ts';
import { createLogger } from '../../src/log.ts';
import { createMerger } from '../../src/merger/merger.ts';
import { createReducerFor } from '../../src/merger/reducers/patterns.ts';
import { createMetrics } from '../../src/metrics.ts';
import { change, generousOptions } from '../contract/engine/kit.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import { waitFor } from '../support/wait.ts';

const CHANNEL = 'room';
const LEASE_MS = 2_000;
const ignore = () => {};
const log = { info: ignore, warn: ignore, error: ignore };

/** An engine with a merger on it. */
async function startLife(redis: RedisServer) {
  const engine = await createRedisEngine({ ...generousOptions, shards: 1, url: redis.url, prefix: 'sc', log });
  const merger = createMerger({
    engine,
    clock: systemClock,
    log: createLogger({ logLevel: 'silent' }),
    metrics: createMetrics(),
    reducerFor: createReducerFor([{ pattern: '*', reducer: 'log' }]),
    tag: 0,
    stateMaxBytes: 1_000,
    leaseMs: LEASE_MS,
  });
  await merger.start();
  const end = async () => {
    await merger.stop();
    await engine.close();
  };
  return { engine, [Symbol.asyncDispose]: end };
}

const bounds = async (engine: Engine) => (await engine.readHistory(CHANNEL, null, 0)).log;

/** Sends these and waits until they are events. */
async function send(engine: Engine, ...texts: string[]): Promise<void> {
  const { head } = await bounds(engine);
  await waitFor(() => engine.append(texts.map((text) => change(CHANNEL, text))).then(...SETTLED), {
    what: 'an append',
  });
  await waitFor(async () => (await bounds(engine)).head >= head + texts.length, { what: `${texts} to be merged` });
}

const SETTLED = [() => true, () => false] as const;

/** What a reader is told that comes with the cursor of the newest event it saw. */
async function statusAt(engine: Engine, epoch: string, offset: number): Promise<string> {
  const hub = new Hub(CHANNEL, { engine, account: ignore, onError: ignore });
  await hub.opened;
  const since = cursorOf(CHANNEL, { epoch, offset });
  const wish = { since, isLastEventId: true, snapshot: false };
  const [start] = await findStart({ engine, clock: systemClock }, [hub], wish);
  hub.close();
  return start!.status;
}

/** Kills Redis, and starts it from the copy, where there is one. */
async function comeBack(redis: RedisServer, appendfsync: 'always' | 'everysec', copy?: string): Promise<void> {
  await redis.kill9();
  if (copy !== undefined) {
    rmSync(join(redis.dir, 'appendonlydir'), { recursive: true });
    cpSync(copy, join(redis.dir, 'appendonlydir'), { recursive: true });
  }
  await redis.restart({ appendfsync });
}

/** A first life: four events, of which a copy of the store has two; the fleet ends as this leaves. */
async function firstLife(redis: RedisServer, end: 'killed' | 'stopped') {
  await using life = await startLife(redis);
  const { engine } = life;
  await send(engine, 'e1', 'e2');
  const copy = `${redis.dir}-copy`;
  cpSync(join(redis.dir, 'appendonlydir'), copy, { recursive: true });
  await send(engine, 'e3', 'e4');
  const { epoch } = await bounds(engine);
  // What it gives back when it ends does not arrive.
  if (end === 'killed') await redis.cli('CLIENT', 'PAUSE', '600000');
  return { epoch, copy };
}

describe('nobody vouches', () => {
  for (const end of ['killed', 'stopped'] as const) {
    it(`when the fleet was ${end} and Redis comes back with less: a reader that saw more is told reset, whatever was merged since`, async () => {
      await using redis = await startRedis({ appendfsync: 'always' });
      const { epoch, copy } = await firstLife(redis, end);
      await comeBack(redis, 'everysec', copy);
      rmSync(copy, { recursive: true });
      await using life = await startLife(redis);
      const { engine } = life;
      await send(engine, 'A', 'B', 'C');
      assert.equal(await statusAt(engine, epoch, 4), 'reset');
    });
  }

  it('for a Redis that keeps all it confirms it does itself', async () => {
    await using redis = await startRedis({ appendfsync: 'always' });
    const { epoch, copy } = await firstLife(redis, 'killed');
    rmSync(copy, { recursive: true });
    await comeBack(redis, 'always');
    await using life = await startLife(redis);
    const { engine } = life;
    await send(engine, 'A', 'B', 'C');
    assert.equal(await statusAt(engine, epoch, 4), 'resumed');
  });

  it('but who made the last commit does, where it is still there: nobody is told reset', async () => {
    await using redis = await startRedis({ appendfsync: 'always' });
    await redis.restart({ appendfsync: 'everysec' });
    await using life = await startLife(redis);
    const { engine } = life;
    await send(engine, 'e1', 'e2');
    const { epoch } = await bounds(engine);
    // What it holds is on the disk: an orderly end.
    for (let round = 1; round <= 2; round++) {
      await redis.restart({ appendfsync: 'everysec' });
      await waitFor(() => engine.ping().then(...SETTLED), { what: 'Redis to be back' });
      await send(engine, `f${round}`);
      assert.equal(await statusAt(engine, epoch, 2), 'resumed');
    }
  });
});

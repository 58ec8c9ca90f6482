/**
 * A Redis that comes back with less than the archive has: the archiver says so, as a gateway does, and the archive goes on with what both
 * have, also of a channel that lost events (docs/adr/0027, 0028).
 */
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, describe, it } from 'node:test';
import type { Archive } from '../../src/archive/archive.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { boundsOf, comeBack, copyOf, send, startAt, startLife } from '../engine/lives.ts';
import { startPostgres } from '../support/postgres-server.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import { waitFor } from '../support/wait.ts';
import { archivedTexts, endAll, openArchive, startArchiver, untilArchived } from './kit.ts';

const postgres = await startPostgres();
after(() => postgres.stop());
afterEach(endAll);

const WHOLE = 'whole';
const TORN = 'torn';
const isHole = ({ msg }: Record<string, unknown>) => `${msg}`.startsWith('the archive cannot follow');

/** Engine, merger and archiver, until it returns. */
async function during<T>(
  redis: RedisServer,
  archive: Archive,
  what: (engine: Engine, logged: readonly Record<string, unknown>[]) => Promise<T>,
): Promise<T> {
  await using life = await startLife(redis);
  const { archiver, logged } = await startArchiver(life.engine, archive);
  try {
    return await what(life.engine, logged);
  } finally {
    await archiver.stop();
  }
}

async function archivedUpToHead(engine: Engine, archive: Archive, channel: string): Promise<void> {
  await untilArchived(archive, channel, (await boundsOf(engine, channel)).head);
}

describe('a Redis that comes back with less than is archived', () => {
  it('is told so, and each log goes on from what both have', async () => {
    await using redis = await startRedis({ appendfsync: 'always' });
    const archive = openArchive(postgres, postgres.newSchema(), 1);
    const first = await during(redis, archive, async (engine) => {
      await send(engine, WHOLE, 'w1', 'w2', 'w3');
      await send(engine, TORN, 't1', 't2');
      await archivedUpToHead(engine, archive, TORN);
      const copy = copyOf(redis);
      await send(engine, TORN, 't3', 't4');
      await archivedUpToHead(engine, archive, TORN);
      const log = (await archive.read(WHOLE, 0, 0, 1))!.log;
      return { copy, log, epoch: (await boundsOf(engine, WHOLE)).epoch };
    });
    await comeBack(redis, 'everysec', first.copy);
    rmSync(first.copy, { recursive: true });
    await during(redis, archive, async (engine, logged) => {
      await waitFor(async () => (await boundsOf(engine, WHOLE)).epoch !== first.epoch, { what: 'another epoch' });
      await send(engine, TORN, 'n3');
      await send(engine, WHOLE, 'w4');
      await archivedUpToHead(engine, archive, TORN);
      await archivedUpToHead(engine, archive, WHOLE);
      assert.deepEqual(await archivedTexts(archive, TORN), ['t1', 't2', 'n3']);
      assert.deepEqual(await archivedTexts(archive, WHOLE), ['w1', 'w2', 'w3', 'w4']);
      const { log } = (await archive.read(WHOLE, 0, 0, 1))!;
      assert.equal(log.id, first.log.id, 'it is the same log');
      assert.equal(log.epoch, (await boundsOf(engine, WHOLE)).epoch);
      assert.deepEqual((await startAt(engine, WHOLE, first.epoch, 2)).texts, ['w3', 'w4']);
      assert.ok(!logged.some(isHole));
    });
    await archive.close();
  });

  it('and has nothing at all, begins new logs, of which each is said', async () => {
    await using redis = await startRedis({ appendfsync: 'always' });
    const archive = openArchive(postgres, postgres.newSchema(), 1);
    await during(redis, archive, async (engine) => {
      await send(engine, WHOLE, 'w1', 'w2', 'w3');
      await archivedUpToHead(engine, archive, WHOLE);
    });
    await redis.kill9();
    rmSync(join(redis.dir, 'appendonlydir'), { recursive: true });
    await redis.restart({ appendfsync: 'always' });
    await during(redis, archive, async (engine, logged) => {
      await send(engine, WHOLE, 'again');
      await waitFor(async () => (await archivedTexts(archive, WHOLE)).join() === 'again', { what: 'the new log' });
      assert.ok(logged.some(isHole));
    });
    await archive.close();
  });
});

/** A Redis that comes back, perhaps with less, when nobody of the fleet is left who could know: only readers do. */
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { describe, it } from 'node:test';
import type { Engine } from '../../src/engine/engine.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import { waitFor } from '../support/wait.ts';
import { boundsOf, comeBack, copyOf, SETTLED, send, startAt, startLife } from './lives.ts';

const CHANNEL = 'room';

/** What a reader is told that comes with the cursor of the newest event it saw. */
const statusAt = async (engine: Engine, epoch: string, offset: number) =>
  (await startAt(engine, CHANNEL, epoch, offset)).start.status;

/** A first life: four events, of which a copy of the store has two; the fleet ends as this leaves. */
async function firstLife(redis: RedisServer, end: 'killed' | 'stopped') {
  await using life = await startLife(redis);
  const { engine } = life;
  await send(engine, CHANNEL, 'e1', 'e2');
  const copy = copyOf(redis);
  await send(engine, CHANNEL, 'e3', 'e4');
  const { epoch } = await boundsOf(engine, CHANNEL);
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
      await send(engine, CHANNEL, 'A', 'B', 'C');
      assert.equal(await statusAt(engine, epoch, 4), 'reset');
      // What that one saw is what everybody has.
      assert.equal(await statusAt(engine, epoch, 2), 'resumed');
    });
  }

  it('for a Redis that keeps all it confirms it does itself', async () => {
    await using redis = await startRedis({ appendfsync: 'always' });
    const { epoch, copy } = await firstLife(redis, 'killed');
    rmSync(copy, { recursive: true });
    await comeBack(redis, 'always');
    await using life = await startLife(redis);
    const { engine } = life;
    await send(engine, CHANNEL, 'A', 'B', 'C');
    assert.equal(await statusAt(engine, epoch, 4), 'resumed');
  });

  it('but who made the last commit does, where it is still there: nobody is told reset', async () => {
    await using redis = await startRedis({ appendfsync: 'always' });
    await redis.restart({ appendfsync: 'everysec' });
    await using life = await startLife(redis);
    const { engine } = life;
    await send(engine, CHANNEL, 'e1', 'e2');
    const { epoch } = await boundsOf(engine, CHANNEL);
    // What it holds is on the disk: an orderly end.
    for (let round = 1; round <= 2; round++) {
      await redis.restart({ appendfsync: 'everysec' });
      await waitFor(() => engine.ping().then(...SETTLED), { what: 'Redis to be back' });
      await send(engine, CHANNEL, `f${round}`);
      assert.equal(await statusAt(engine, epoch, 2), 'resumed');
    }
  });
});

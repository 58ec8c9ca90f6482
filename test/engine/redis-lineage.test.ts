/**
 * Lineage: a Redis that comes back with less takes from a channel what it lost, and from no other anything. A position of the epoch
 * before is one of the new epoch as well, up to where both have the same; only above that one is told reset.
 */
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { describe, it } from 'node:test';
import type { Channel } from '../../src/domain/channel.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import { boundsOf, comeBack, copyOf, send, startAt, startLife } from './lives.ts';

const WHOLE = 'whole';
const TORN = 'torn';
const BORN = 'born';

interface Lost {
  /** Before the loss. */
  readonly epoch: string;
  /** Of `BORN`, of which the copy knows nothing: where a reader was before its first event, and at its last. */
  readonly unborn: number;
  readonly born: number;
}

/** Events of each channel; the last of one, and all of another, are lost with the Redis that had them, and the fleet as well. */
async function lose(redis: RedisServer, appendfsync: 'always' | 'everysec' = 'everysec'): Promise<Lost> {
  const { copy, ...lost } = await firstLife(redis);
  await comeBack(redis, appendfsync, copy);
  rmSync(copy, { recursive: true });
  return lost;
}

async function firstLife(redis: RedisServer): Promise<Lost & { readonly copy: string }> {
  await using life = await startLife(redis);
  const { engine } = life;
  await send(engine, WHOLE, 'w1', 'w2', 'w3');
  await send(engine, TORN, 't1', 't2');
  const { head: unborn } = await boundsOf(engine, BORN);
  const copy = copyOf(redis);
  await send(engine, TORN, 't3');
  await send(engine, BORN, 'b1', 'b2');
  const { epoch, head: born } = await boundsOf(engine, BORN);
  // What it gives back when it ends does not arrive.
  await redis.cli('CLIENT', 'PAUSE', '600000');
  return { epoch, unborn, born, copy };
}

/** What one is told who comes back there, and is given then. */
async function told(engine: Engine, channel: Channel, epoch: string, offset: number): Promise<[string, string[]]> {
  const { start, texts } = await startAt(engine, channel, epoch, offset);
  return [start.status, texts];
}

const isReset = async (engine: Engine, channel: Channel, epoch: string, offset: number) =>
  assert.equal((await told(engine, channel, epoch, offset))[0], 'reset', `${channel} at ${offset}`);

describe('a Redis that has lost an event of one channel', () => {
  it('has a new epoch, in which readers of another go on from where they were', async () => {
    await using redis = await startRedis({ appendfsync: 'always' });
    const { epoch } = await lose(redis);
    await using life = await startLife(redis);
    const { engine } = life;
    await send(engine, WHOLE, 'w4', 'w5');
    assert.notEqual((await boundsOf(engine, WHOLE)).epoch, epoch);
    assert.deepEqual(await told(engine, WHOLE, epoch, 3), ['resumed', ['w4', 'w5']]);
    assert.deepEqual(await told(engine, WHOLE, epoch, 1), ['resumed', ['w2', 'w3', 'w4', 'w5']]);
  });

  it('tells reset whoever saw the event, and goes on with whoever did not, as often as others take its place', async () => {
    await using redis = await startRedis({ appendfsync: 'always' });
    const { epoch } = await lose(redis);
    await using life = await startLife(redis);
    const { engine } = life;
    const { head } = await boundsOf(engine, TORN);
    for (const round of [1, 2, 3]) {
      await isReset(engine, TORN, epoch, head + 1);
      await send(engine, TORN, `n${round}`);
      const after = ['n1', 'n2', 'n3'].slice(0, round);
      assert.deepEqual(await told(engine, TORN, epoch, head), ['resumed', after]);
    }
    await isReset(engine, TORN, epoch, head + 2);
  });

  it('of a channel that was born in what is lost, whoever saw it is told reset, and not who waited for it', async () => {
    await using redis = await startRedis({ appendfsync: 'always' });
    const { epoch, unborn, born } = await lose(redis);
    await using life = await startLife(redis);
    const { engine } = life;
    // Others move its shard on to where that channel was.
    await send(engine, WHOLE, 'w4', 'w5', 'w6', 'w7');
    for (const round of [1, 2, 3]) {
      await isReset(engine, BORN, epoch, born);
      await send(engine, BORN, `c${round}`);
      const after = ['c1', 'c2', 'c3'].slice(0, round);
      assert.deepEqual(await told(engine, BORN, epoch, unborn), ['resumed', after]);
    }
  });

  it('also when it merged on with the old epoch, until somebody came who knew: what is common ends where it came back', async () => {
    await using redis = await startRedis({ appendfsync: 'always' });
    const { epoch } = await lose(redis, 'always');
    await using life = await startLife(redis);
    const { engine } = life;
    await send(engine, WHOLE, 'w4');
    assert.equal((await boundsOf(engine, WHOLE)).epoch, epoch);
    const { head } = await boundsOf(engine, TORN);
    await engine.renew(0, epoch, { kind: 'head', channel: TORN, offset: head + 1 });
    assert.notEqual((await boundsOf(engine, WHOLE)).epoch, epoch);
    await isReset(engine, TORN, epoch, head + 1);
    assert.deepEqual(await told(engine, WHOLE, epoch, 3), ['resumed', ['w4']]);
    await isReset(engine, WHOLE, epoch, 4);
  });

  for (const [age, status] of [
    ['long ago', 'resumed'],
    ['just before', 'reset'],
  ] as const) {
    it(`when it came back once more, and for the first time ${age}: who saw what was made in between is told ${status}`, async () => {
      await using redis = await startRedis({ appendfsync: 'always' });
      const { epoch } = await lose(redis, 'always');
      {
        await using life = await startLife(redis);
        await send(life.engine, WHOLE, 'w4');
        await redis.cli('CLIENT', 'PAUSE', '600000');
      }
      await comeBack(redis, 'always');
      if (age === 'long ago') await redis.cli('HSET', 'sc:{0}:shard', 'forkAt', '0');
      await using life = await startLife(redis);
      const { engine } = life;
      await send(engine, WHOLE, 'w5');
      const { head } = await boundsOf(engine, TORN);
      await engine.renew(0, epoch, { kind: 'head', channel: TORN, offset: head + 1 });
      assert.notEqual((await boundsOf(engine, WHOLE)).epoch, epoch);
      assert.equal((await told(engine, WHOLE, epoch, 4))[0], status);
      await isReset(engine, TORN, epoch, head + 1);
    });
  }

  it('is not believed of an epoch that a version made which does not know of this', async () => {
    await using redis = await startRedis({ appendfsync: 'always' });
    const { epoch } = await lose(redis);
    {
      await using life = await startLife(redis);
      await send(life.engine, WHOLE, 'w4');
      assert.equal((await told(life.engine, WHOLE, epoch, 3))[0], 'resumed');
    }
    await redis.cli('HSET', 'sc:{0}:shard', 'epoch', 'zzzzzz');
    await using life = await startLife(redis);
    assert.equal((await boundsOf(life.engine, WHOLE)).epoch, 'zzzzzz');
    await isReset(life.engine, WHOLE, epoch, 3);
  });

  it('and again: of the last epoch all go on that can, of one before it nobody', async () => {
    await using redis = await startRedis({ appendfsync: 'always' });
    const { epoch: first } = await lose(redis);
    const copy = copyOf(redis, 'second');
    let second = '';
    {
      await using life = await startLife(redis);
      const { engine } = life;
      await send(engine, TORN, 'n1');
      second = (await boundsOf(engine, WHOLE)).epoch;
      await redis.cli('CLIENT', 'PAUSE', '600000');
    }
    await comeBack(redis, 'everysec', copy);
    rmSync(copy, { recursive: true });
    await using life = await startLife(redis);
    const { engine } = life;
    await send(engine, TORN, 'm1');
    const { epoch } = await boundsOf(engine, WHOLE);
    assert.ok(epoch !== first && epoch !== second);
    // The copy is from before the second epoch: the third has the first before it, and nobody knows of the second.
    assert.deepEqual(await told(engine, WHOLE, first, 3), ['resumed', []]);
    await isReset(engine, WHOLE, second, 3);
  });
});

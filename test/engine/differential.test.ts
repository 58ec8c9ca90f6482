/**
 * Both engines do the same: thousands of random commands go to both in step, and every answer and every published batch
 * must be equal. Every kind of outcome must have been common, else the test has tested less than it says.
 *
 * To repeat a run: `DIFFERENTIAL_SEED=<seed> node --import tsx --test test/engine/differential.test.ts`.
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { createMemoryEngine } from '../../src/engine/memory/engine.ts';
import { createRedisEngine } from '../../src/engine/redis/engine.ts';
import { createRandom } from '../support/random.ts';
import { startRedis } from '../support/redis-server.ts';
import { SIZE } from '../support/size.ts';
import { createPair } from './differential/pair.ts';
import { createSide } from './differential/side.ts';
import { createWalk, walkOptions } from './differential/walk.ts';

const COMMANDS = 6_000 * SIZE;

/** What must have happened, and how often: every kind of outcome, and the rarer ways to one. */
const required: Readonly<Record<number, readonly string[]>> = {
  30: [
    'append accepted',
    'append full',
    'peek held',
    'peek entries',
    'peek nothing',
    'load',
    'release',
    'state',
    'commit committed',
    'commit lease',
    'commit rev',
    'commit head',
    'commit with entries set aside',
    'history newest',
    'history events',
    'history nothing after',
    'history gap epoch',
    'history gap ahead',
    'history gap trimmed',
    'history gap forgotten',
    'renew renewed',
    'renew kept',
    'sweep of channels',
    'sweep of publishers',
    'sweep of no channels',
    'sweep of no publishers',
    'sweep refused',
    'erase events',
    'erase nothing',
    'erase what waits',
    'erase of nothing that waits',
    'subscribe',
    'unsubscribe',
    'batch published',
    'observer suspect',
  ],
  5: [
    ...['head', 'event', 'rev'].flatMap((kind) => [`renew renewed by ${kind}`, `renew kept by ${kind}`]),
    ...['erase fields', 'erase in another epoch'],
  ],
};

it(`memory and Redis engine answer ${COMMANDS} random commands alike`, async (t) => {
  const seed = Number(process.env.DIFFERENTIAL_SEED ?? Math.floor(Math.random() * 2 ** 32));
  t.diagnostic(`seed ${seed}`);
  const random = createRandom(seed);
  await using redis = await startRedis();
  const ignore = () => {};
  const log = { info: ignore, warn: ignore, error: ignore };
  const memory = createMemoryEngine(walkOptions);
  const fleet = await createRedisEngine({ ...walkOptions, url: redis.url, prefix: `test-${seed.toString(36)}`, log });
  try {
    const pair = createPair(createSide(memory), createSide(fleet), seed);
    const walk = createWalk(pair, random);
    while (pair.commands < COMMANDS) await walk.step();
    await walk.end();

    const seen = [...pair.outcomes].sort(([a], [b]) => (a < b ? -1 : 1));
    t.diagnostic(seen.map(([outcome, count]) => `${outcome}: ${count}`).join(', '));
    for (const [times, outcomes] of Object.entries(required)) {
      const rare = outcomes.filter((outcome) => (pair.outcomes.get(outcome) ?? 0) < Number(times));
      assert.deepEqual(rare, [], `seen less than ${times} times (seed ${seed})`);
    }
  } finally {
    await memory.close();
    await fleet.close();
  }
});

/**
 * The durable engine and the one in memory do the same, although one of them is closed and opened again and again: what is on the
 * disk is all there is.
 *
 * To repeat a run: `DIFFERENTIAL_SEED=<seed> node --import tsx --test test/engine/differential-durable.test.ts`.
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { createDurableEngine } from '../../src/engine/durable/engine.ts';
import { createMemoryEngine } from '../../src/engine/memory/engine.ts';
import { makeFolder } from '../support/folder.ts';
import { createRandom } from '../support/random.ts';
import { SIZE } from '../support/size.ts';
import { createPair } from './differential/pair.ts';
import { createRestarting } from './differential/restarting.ts';
import { createSide } from './differential/side.ts';
import { createWalk, walkOptions } from './differential/walk.ts';

const COMMANDS = 1_500 * SIZE;
const RESTART_EVERY = 25;

it(`memory and durable engine answer ${COMMANDS} random commands alike, the second begun anew all the time`, async (t) => {
  const seed = Number(process.env.DIFFERENTIAL_SEED ?? Math.floor(Math.random() * 2 ** 32));
  t.diagnostic(`seed ${seed}`);
  const random = createRandom(seed);
  using folder = makeFolder();
  const memory = createMemoryEngine(walkOptions);
  const durable = await createRestarting(() => createDurableEngine({ ...walkOptions, dataDir: folder.path }));
  try {
    const pair = createPair(createSide(memory), createSide(durable.engine), seed);
    const walk = createWalk(pair, random);
    let restarts = 0;
    while (pair.commands < COMMANDS) {
      await walk.step();
      if (pair.commands < (restarts + 1) * RESTART_EVERY) continue;
      await durable.restart();
      restarts++;
    }
    await walk.end();
    assert.ok(restarts > 30, `${restarts} restarts`);
    for (const outcome of ['commit committed', 'renew renewed', 'sweep of channels', 'history gap forgotten']) {
      assert.ok((pair.outcomes.get(outcome) ?? 0) > 5, `${outcome} is rare (seed ${seed})`);
    }
  } finally {
    await memory.close();
    await durable.engine.close();
  }
});

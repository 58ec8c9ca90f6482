/** A single box with a directory, killed in the middle of its work: nothing that it accepted is lost, repeated or in another order. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { SIZE } from '../support/size.ts';
import { killAgainAndAgain } from './kills.ts';

it('a box that is killed goes on where it was: same epochs, no reset, each change once', async (t) => {
  const seed = Number(process.env.BOX_SEED ?? Math.floor(Math.random() * 2 ** 32));
  t.diagnostic(`seed ${seed}`);
  const outcome = await killAgainAndAgain({ kills: 3 * SIZE, changesPerS: 200, livesMs: 600, seed });
  assert.deepEqual(outcome.problems, []);
  assert.ok(outcome.sent > 50, `${outcome.sent} changes`);
});

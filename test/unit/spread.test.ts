/** When a gateway sends streams away for the fleet's sake, and that it waits while it is being filled. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Engine } from '../../src/engine/engine.ts';
import { createSpread, excessOf } from '../../src/gateway/stream/spread.ts';
import type { Logger } from '../../src/log.ts';
import { waitFor } from '../support/wait.ts';

it('sends away half of what is above its share, and a fortieth of all at most', () => {
  assert.equal(excessOf(1_000, [1_000]), 0, 'alone');
  assert.equal(excessOf(1_020, [1_020, 980]), 0, 'within the tolerance');
  assert.equal(excessOf(15, [15, 1]), 0, 'too few to speak of');
  assert.equal(excessOf(1_000, [1_000, 0]), 25);
  assert.equal(excessOf(1_120, [1_120, 900, 1_000]), 28);
  assert.equal(excessOf(100, [100, 900]), 0, 'less than the mean');
  assert.equal(excessOf(40, [40, 0]), 1);
  assert.equal(excessOf(1_049, [1_049, 951]), 0, 'just within the tolerance');
  assert.equal(excessOf(1_050, [1_050, 950]), 25);
  assert.equal(excessOf(109, [109, 91]), 0, 'one too few to speak of');
  assert.equal(excessOf(110, [110, 90]), 3);
  assert.equal(excessOf(1_060, [1_060, 960, 980]), 27);
  assert.equal(excessOf(110, [110, 80]), 3);
});

it('sends nobody away while it is being filled, as after the end of another', async () => {
  let streams = 1_000;
  let rounds = 0;
  const shed: { count: number; atRound: number }[] = [];
  const gather = async (_roll: string, _member: string, figure: number) => {
    rounds++;
    if (rounds <= 5) streams += 100;
    return [figure, 500];
  };
  const spread = createSpread({
    engine: { gather } as unknown as Engine,
    log: { info() {}, debug() {} } as unknown as Logger,
    spreadIntervalMs: 5,
    size: () => streams,
    shed: (count) => shed.push({ count, atRound: rounds }),
  });
  await waitFor(() => rounds >= 10, { what: 'some rounds' });
  spread.close();
  const roundsThatSent = shed.map(({ atRound }) => atRound);
  // The first has seen nobody come yet.
  assert.deepEqual(
    roundsThatSent.filter((round) => round > 1 && round <= 6),
    [],
  );
  assert.ok(roundsThatSent.includes(8), 'it is at rest');
});

/** How many streams a turn of the event loop lets in. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { createGate } from '../../src/gateway/stream/gate.ts';

const PER_TURN = 16;

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

it('sixteen enter in a turn, in the order in which they came', async () => {
  const gate = createGate();
  const entered: number[] = [];
  for (let i = 0; i < 40; i++) void gate.enter().then(() => entered.push(i));
  await undefined;
  for (const expected of [PER_TURN, 2 * PER_TURN, 40]) {
    assert.equal(entered.length, expected);
    await turn();
  }
  assert.equal(gate.waiting, 0);
  assert.deepEqual(entered, [...entered.keys()]);
});

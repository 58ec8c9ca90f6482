/** How many streams a turn of the event loop lets in, and how many wait for those who connect. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { createRest } from '../../src/gateway/rest.ts';
import { createGate } from '../../src/gateway/stream/gate.ts';

const PER_TURN = 16;
const HELD_BACK_MAX = 1_000;
const HELD_BACK_MS = 1_000;

function parts() {
  const now = { ms: 5_000 };
  const clock = { wallMs: () => now.ms, elapsedMs: () => now.ms };
  const rest = createRest(clock);
  const gate = createGate({ clock, rest });
  const entered: number[] = [];
  let came = 0;
  const come = (count: number) => {
    for (let i = 0; i < count; i++) {
      const number = came++;
      void gate.enter().then(() => entered.push(number));
    }
  };
  return { now, rest, gate, entered, come };
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

it('sixteen enter in a turn, in the order in which they came', async () => {
  const { gate, entered, come } = parts();
  come(40);
  await undefined;
  for (const expected of [PER_TURN, 2 * PER_TURN, 40]) {
    assert.equal(entered.length, expected);
    await turn();
  }
  assert.equal(gate.waiting, 0);
  assert.deepEqual(entered, [...entered.keys()]);
});

it('who comes in a turn in which others wait still is behind them', async () => {
  const { rest, entered, come } = parts();
  rest.connected();
  come(1);
  await turn();
  come(1);
  await turn();
  await turn();
  await turn();
  assert.deepEqual(entered, [0, 1]);
});

it('none enters while connections come, and all do when none does any more', async () => {
  const { rest, gate, entered, come } = parts();
  for (let turns = 0; turns < 50; turns++) {
    rest.connected();
    come(1);
    await turn();
  }
  assert.deepEqual([entered.length, gate.waiting], [0, 50]);
  while (gate.waiting > 0) await turn();
  await turn();
  assert.deepEqual(entered, [...Array(50).keys()]);
});

it('who has been held back for a second enters although connections come', async () => {
  const { now, rest, entered, come } = parts();
  const connectFor = async (turns: number) => {
    for (let i = 0; i < turns; i++) {
      rest.connected();
      await turn();
    }
  };
  rest.connected();
  come(1);
  now.ms += HELD_BACK_MS - 1;
  await connectFor(3);
  assert.equal(entered.length, 0);
  now.ms++;
  await connectFor(2);
  assert.equal(entered.length, 1);
});

it('no more than a thousand are held back', async () => {
  const { rest, gate, entered, come } = parts();
  rest.connected();
  come(HELD_BACK_MAX + 5);
  for (let turns = 0; turns < 10; turns++) {
    rest.connected();
    await turn();
  }
  assert.equal(gate.waiting, HELD_BACK_MAX - 1);
  assert.equal(entered.length, 6);
});

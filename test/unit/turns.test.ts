/** Turns: who works in pieces has so much of each turn of the event loop, in the order in which they came, and leaves time to others. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { createTurns } from '../../src/gateway/turns.ts';
import { noRest } from '../support/gateway-parts.ts';

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

it('in one turn as many pieces are made as 5 ms suffice for, in the order in which they came', async () => {
  let nowMs = 0;
  const turns = createTurns({ wallMs: () => 0, elapsedMs: () => nowMs }, noRest);
  const made: number[] = [];
  const all = Array.from({ length: 23 }, (_, i) => i);
  for (const i of all) void make(i);
  async function make(i: number): Promise<void> {
    const isDue = turns.enter();
    if (isDue) await isDue;
    made.push(i);
    nowMs++;
  }
  const perTurn = [made.length];
  while (made.length < all.length) {
    const before = made.length;
    await turn();
    perTurn.push(made.length - before);
    assert.ok(perTurn.length < 100, `some are never made: ${made}`);
  }
  assert.equal(Math.max(...perTurn), 5, `made in each turn: ${perTurn}`);
  assert.deepEqual(made, all);
});

it('a piece that asks for the next turn gets a later one, however little was done in this one', async () => {
  const turns = createTurns({ wallMs: () => 0, elapsedMs: () => 0 }, noRest);
  let pieces = 0;
  const work = async () => {
    for (let i = 0; i < 3; i++) {
      await turns.next();
      pieces++;
    }
  };
  const worked = work();
  const perTurn: number[] = [];
  for (let before = 0; pieces < 3; before = pieces) {
    await turn();
    perTurn.push(pieces - before);
    assert.ok(perTurn.length < 100, 'it has no turn');
  }
  assert.equal(Math.max(...perTurn), 1, `made in each turn: ${perTurn}`);
  await worked;
});

it('while others are to have their time, nobody begins', async () => {
  const REST_MS = 60;
  const startedMs = performance.now();
  const rest = {
    ...noRest,
    get leftMs() {
      return Math.max(0, startedMs + REST_MS - performance.now());
    },
  };
  const turns = createTurns({ wallMs: () => 0, elapsedMs: () => 0 }, rest);
  const entered = turns.enter();
  assert.ok(entered, 'not at once');
  await entered;
  // A timer may be a millisecond early.
  assert.ok(performance.now() - startedMs >= REST_MS - 2);
});

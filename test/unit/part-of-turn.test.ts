import assert from 'node:assert/strict';
import { it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { PartOfTurn } from '../../src/merger/part-of-turn.ts';

/** A round that takes so long, of a merger whose answers all come at once. */
function merger() {
  let nowMs = 0;
  const part = new PartOfTurn({ wallMs: () => 0, elapsedMs: () => nowMs });
  const done: number[] = [];
  return {
    done,
    async round(shard: number, ms: number): Promise<void> {
      const wait = part.enter();
      if (wait) await wait;
      nowMs += ms;
      done.push(shard);
    },
  };
}

it('rounds that are short all have the same turn', () => {
  const { done, round } = merger();
  for (let shard = 0; shard < 4; shard++) void round(shard, 1);
  assert.deepEqual(done, [0, 1, 2, 3]);
});

it('of those that take long some wait for the next turns, in their order', async () => {
  const { done, round } = merger();
  const rounds = [0, 1, 2, 3, 4].map((shard) => round(shard, 3));
  const perTurn = [done.length];
  while (done.length < 5 && perTurn.length < 10) {
    await turn();
    perTurn.push(done.length);
    void round(5 + perTurn.length, 0);
  }
  await Promise.all(rounds);
  assert.deepEqual(done.slice(0, 5), [0, 1, 2, 3, 4]);
  assert.deepEqual(perTurn.slice(0, 2), [2, 4], 'two begin within 5 ms');
});

it('one that takes longer than all may have is alone in its turn', async () => {
  const { done, round } = merger();
  void round(0, 20);
  const second = round(1, 20);
  void round(2, 0);
  assert.deepEqual(done, [0]);
  await second;
  assert.deepEqual(done, [0, 1]);
});

/** The soak says what was lost, repeated or out of order: a verdict that could not would show nothing. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Logged, verdictOn } from '../soak/ledger.ts';

const sent = [1, 2, 3, 4].map((number) => ({ number, by: 'alice' }));
const log = (...numbers: number[]): Logged[] => numbers.map((number, i) => ({ number, from: 'alice~x', seq: i + 1 }));

function verdict(merged: readonly Logged[], kept: readonly number[], ...live: (readonly number[])[]) {
  const { lost, repeated, disordered } = verdictOn({
    published: new Map([['demo', sent]]),
    merged: new Map([['demo', merged]]),
    readers: [
      { name: 'kept', kept: new Map([['demo', kept]]), live: new Map() },
      { name: 'live', kept: new Map(), live: new Map([['demo', live]]) },
    ],
  });
  return { lost, repeated, disordered };
}

const none = { lost: 0, repeated: 0, disordered: 0 };

describe('the verdict of the soak', () => {
  it('is clean where all is there once, and each life has what came in it', () =>
    assert.deepEqual(verdict(log(1, 2, 3, 4), [1, 2, 3, 4], [1, 2], [], [4]), none));

  it('finds what is missing of a merge, of who keeps its cursor, and of one life', () => {
    assert.deepEqual(verdict(log(1, 2, 4), [1, 2, 4]), { ...none, lost: 1 });
    assert.deepEqual(verdict(log(1, 2, 3, 4), [1, 3, 4]), { ...none, lost: 1 });
    assert.deepEqual(verdict(log(1, 2, 3, 4), [1, 2, 3, 4], [1, 2, 4]), { ...none, lost: 1 });
  });

  it('finds what came twice', () => {
    assert.equal(verdict(log(1, 2, 2, 3, 4), [1, 2, 3, 4]).repeated, 1);
    assert.deepEqual(verdict(log(1, 2, 3, 4), [1, 2, 2, 3, 4], [3, 3]), { ...none, repeated: 2 });
  });

  it('finds another order, of a publisher and of a callback', () => {
    assert.ok(verdict(log(1, 3, 2, 4), [1, 3, 2, 4]).disordered > 0);
    assert.deepEqual(verdict(log(1, 2, 3, 4), [1, 3, 2, 4]), { ...none, disordered: 1 });
  });
});

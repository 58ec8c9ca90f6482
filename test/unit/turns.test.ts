/** Attempts to come in begin a few a turn of the event loop: what else is read in it is answered in between. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { createTurns } from '../../src/access/turns.ts';

describe('turns', () => {
  it('are of four attempts each, of whatever address', async () => {
    const turnOf = createTurns();
    const begun: string[] = [];
    const all = Array.from({ length: 20 }, (_, i) => turnOf(`a${i}`).then(() => begun.push(`a${i}`)));
    const counts: number[] = [];
    while (begun.length < all.length) {
      await turn();
      counts.push(begun.length);
    }
    assert.deepEqual(counts, [8, 12, 16, 20], 'four at once, and four with each turn');
  });

  it('are of who has tried least first', async () => {
    const turnOf = createTurns();
    const begun: string[] = [];
    const all = [...Array.from('many many many many', () => 'many'), 'few'].map((address) =>
      turnOf(address).then(() => begun.push(address)),
    );
    await Promise.all(all);
    assert.equal(begun.indexOf('few'), 5);
  });

  it('cost nobody who comes alone a turn', async () => {
    const turnOf = createTurns();
    for (let i = 0; i < 3; i++) {
      let hasBegun = false;
      void turnOf('a').then(() => {
        hasBegun = true;
      });
      await Promise.resolve();
      await Promise.resolve();
      assert.ok(hasBegun);
      await turn();
      await turn();
    }
  });
});

/** Conflation: the newest of each name stays, in order, and what is left out is counted. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { conflate } from '../../src/gateway/audience/conflation.ts';

const eventAt = (offset: number, from: string) => ({ offset, from, seq: 1, atMs: 0, bytes: Buffer.of(offset & 0xff) });

it('keeps the newest of each name, whatever its nonce', () => {
  const events = ['ann.1', 'bob.1', '', 'ann.2', 'bob.1', 'ann.2'].map((from, i) => eventAt(i + 1, from));
  const { kept, folded } = conflate(events);
  assert.deepEqual(
    kept.map(({ offset, from }) => [offset, from]),
    [
      [3, ''],
      [5, 'bob.1'],
      [6, 'ann.2'],
    ],
  );
  assert.equal(folded, 3);
});

it('always keeps the last event, ascending order and one per name', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom('a.1', 'a.2', 'b.1', 'c.1', ''), { minLength: 1 }), (froms) => {
      const events = froms.map((from, i) => eventAt(i + 1, from));
      const { kept, folded } = conflate(events);
      assert.equal(kept.at(-1), events.at(-1));
      assert.equal(kept.length + folded, events.length);
      assert.ok(kept.every(({ offset }, i) => i === 0 || offset > kept[i - 1]!.offset));
      assert.equal(new Set(kept.map(({ from }) => from.split('.')[0])).size, kept.length);
    }),
  );
});

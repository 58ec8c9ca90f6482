/** The small set does what a `Set` does, whatever is put in and taken out. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { SmallSet } from '../../src/domain/small-set.ts';

it('has the same members as a Set after any additions and deletions', () => {
  const things = ['a', 'b', 'c'].map((name) => ({ name }));
  const step = fc.tuple(fc.boolean(), fc.nat(things.length - 1));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      const small = new SmallSet<object>();
      const plain = new Set<object>();
      for (const [isAdded, i] of steps) {
        const thing = things[i]!;
        if (isAdded) {
          small.add(thing);
          plain.add(thing);
        } else {
          assert.equal(small.delete(thing), plain.delete(thing));
        }
        assert.equal(small.size, plain.size);
        assert.deepEqual(new Set(small), plain);
      }
    }),
  );
});

it('a member may leave while the members are walked', () => {
  const [one, other] = [{}, {}];
  for (const members of [[one], [one, other]]) {
    const set = new SmallSet<object>();
    for (const member of members) set.add(member);
    for (const member of set) set.delete(member);
    assert.equal(set.size, 0);
  }
});

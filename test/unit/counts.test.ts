/** How many each key has: as a map would count them, whatever comes and goes. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Counts, NONE } from '../../src/access/counts.ts';
import { KeyHash } from '../../src/access/key-hash.ts';

const MOST = 24;

describe('counts', () => {
  it('are those of a map', () => {
    const steps = fc.array(
      fc.record({ key: fc.integer({ min: 0, max: 40 }), isIn: fc.boolean(), nth: fc.nat(1_000) }),
      {
        maxLength: 400,
      },
    );
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 4 }), (all, max) => {
        const counts = new Counts(MOST);
        const hash = new KeyHash();
        const model = new Map<number, number>();
        const held: { key: number; at: number }[] = [];
        for (const { key, isIn, nth } of all) {
          if (isIn && held.length < MOST) {
            hash.of(0, `key ${key}`);
            const at = counts.add(hash, max);
            const count = model.get(key) ?? 0;
            assert.equal(at === NONE, count >= max);
            if (at === NONE) continue;
            model.set(key, count + 1);
            held.push({ key, at });
          } else if (!isIn && held.length > 0) {
            const [gone] = held.splice(nth % held.length, 1);
            counts.remove(gone!.at);
            model.set(gone!.key, model.get(gone!.key)! - 1);
          }
        }
        for (const { key, at } of held) {
          hash.of(0, `key ${key}`);
          // One that is full is not added to, so there is nothing to take back.
          const again = held.length < MOST ? counts.add(hash, max) : NONE;
          assert.ok(again === at || model.get(key)! >= max || held.length >= MOST);
          if (again !== NONE) counts.remove(again);
        }
      }),
    );
  });

  it('has room for as many keys as it was made for, again and again', () => {
    const counts = new Counts(1_000);
    const hash = new KeyHash();
    for (let round = 0; round < 5; round++) {
      const places = Array.from({ length: 1_000 }, (_, i) => {
        hash.of(0, `${round} ${i}`);
        return counts.add(hash, 1);
      });
      assert.equal(new Set(places).size, 1_000);
      for (const at of places) counts.remove(at);
    }
  });
});

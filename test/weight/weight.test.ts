/**
 * Every attack, small: the process stays, its memory is within what it may hold, good clients are served, and the attacker gets
 * what is promised. `npm run weight -- --size full` is the same at the size that is promised.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { attacks } from './attacks.ts';
import { attempt } from './trial.ts';

describe('an attack on memory and time', () => {
  for (const attack of attacks.filter(({ isVariant }) => !isVariant)) {
    it(`${attack.name}: ${attack.promise}`, async (t) => {
      const { figures, failures } = await attempt(attack, 'small', 'defaults');
      t.diagnostic(JSON.stringify(figures));
      assert.deepEqual(failures, []);
    });
  }
});

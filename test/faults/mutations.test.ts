/**
 * The suite can fail: for each patch in `test/mutations/`, applied to a copy of the source, the test that has to see it
 * turns red. A patch that does not apply any more fails here as well: it has to be made anew, not forgotten.
 *
 * Here a few are tried, one of each central promise; `npm run mutations` tries all, and its last result is in results/.
 */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { after, describe, it } from 'node:test';
import { mutations } from '../mutations/mutations.ts';
import { Copy, faultOf, patches } from '../mutations/trial.ts';

describe('mutations', () => {
  const copy = new Copy();
  after(() => copy[Symbol.dispose]());

  it('has a test for every patch', () => {
    const files = readdirSync(patches).filter((name) => name.endsWith('.patch'));
    assert.deepEqual(files.sort(), mutations.map(({ patch }) => `${patch}.patch`).sort());
  });

  it('has patches that apply', () => {
    assert.deepEqual(
      mutations.flatMap((mutation) => copy.whyNot(mutation) ?? []),
      [],
    );
  });

  for (const mutation of mutations.filter(({ isInTests }) => isInTests)) {
    it(`${mutation.patch} turns ${mutation.file} red`, () => {
      const outcome = copy.without(mutation);
      assert.equal(faultOf(mutation, outcome), undefined, outcome.output);
    });
  }
});

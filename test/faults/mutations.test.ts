/**
 * The suite can fail: for each patch in `test/mutations/`, applied to a copy of the source, the test that has to see it
 * turns red. A patch that does not apply any more fails here as well: it has to be made anew, not forgotten.
 *
 * In `npm test` the quick ones; `npm run mutations` has all of them, and shows that those tests are green in the copy without a
 * patch.
 */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { after, describe, it } from 'node:test';
import { type Mutation, mutations } from '../mutations/mutations.ts';
import { Copy, patches } from '../mutations/trial.ts';

const isAll = process.env.MUTATIONS === 'all';

/** Of a test. */
const SAID_NO = /AssertionError|ERR_ASSERTION|waited \d+ ms for/;

describe('mutations', () => {
  const copy = new Copy();
  after(() => copy[Symbol.dispose]());

  it('has a test for every patch', () => {
    const files = readdirSync(patches).filter((name) => name.endsWith('.patch'));
    assert.deepEqual(files.sort(), mutations.map(({ patch }) => `${patch}.patch`).sort());
  });

  it('has patches that apply', () => {
    for (const mutation of mutations) copy.check(mutation);
  });

  for (const mutation of mutations.filter(({ cheap }) => cheap || isAll)) {
    it(`${mutation.patch} turns ${mutation.file} red`, () => {
      const { failed, output } = copy.without(mutation);
      assert.ok(failed > 0, `nobody noticed:\n${output}`);
      // Red for the right reason: a test said no, the program was not broken altogether.
      assert.match(output, mutation.says ? new RegExp(mutation.says) : SAID_NO, output);
      assert.doesNotMatch(output, /SyntaxError|ERR_MODULE_NOT_FOUND|ETIMEDOUT/, output);
    });
  }

  for (const [file, tests] of isAll ? testsOf(mutations) : []) {
    it(`${file} is green without any of them`, () => {
      const { passed, failed, output } = copy.run({ file, tests });
      assert.ok(passed > 0 && failed === 0, output);
    });
  }
});

/** What each file has to see, in one run. */
function testsOf(all: readonly Mutation[]): Map<string, string | undefined> {
  const found = new Map<string, string | undefined>();
  for (const { file, tests } of all) {
    const others = found.get(file);
    const isWhole = tests === undefined || (found.has(file) && others === undefined);
    found.set(file, isWhole ? undefined : [others, tests].filter(Boolean).join('|'));
  }
  return found;
}

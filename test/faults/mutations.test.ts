/**
 * The suite can fail: for each patch in `test/mutations/`, applied to a copy of the source, the test that has to see it
 * turns red. A patch that does not apply any more fails here as well: it has to be made anew, not forgotten.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { projectRoot } from './fleet/program.ts';

interface Mutation {
  readonly patch: string;
  /** The test file that has to see it, and which of its tests. */
  readonly file: string;
  readonly tests?: string;
}

const ENGINE = 'test/engine/redis.test.ts';
const INTERLEAVINGS = 'test/faults/interleavings.test.ts';

const mutations: readonly Mutation[] = [
  { patch: 'dedupe-off', file: 'test/faults/merge-once.test.ts' },
  { patch: 'token-check-off', file: ENGINE, tests: 'for a token that' },
  { patch: 'rev-check-off', file: ENGINE, tests: 'because of its rev|to all but one of those' },
  {
    patch: 'reconnect-check-off',
    file: 'test/engine/redis-only.test.ts',
    tests: 'subscribes again after its connection',
  },
  { patch: 'found-rev-off', file: 'test/unit/shard-merge.test.ts' },
  { patch: 'body-length-off', file: 'test/unit/plain-request.test.ts' },
  { patch: 'strangers-admitted', file: 'test/unit/plain-forgery.test.ts' },
  { patch: 'hold-back-off', file: 'test/unit/shortcut.test.ts', tests: 'comes before the answer' },
  { patch: 'overlaps-dropped', file: INTERLEAVINGS },
  { patch: 'attach-awaits', file: INTERLEAVINGS },
  { patch: 'heard-vouched', file: INTERLEAVINGS },
];

/** Of the interleavings, a hundred find each of these as a rule; nobody needs the smallest. */
const env = { ...process.env, INTERLEAVINGS: '4000', SHRINK: 'no', NODE_TEST_CONTEXT: undefined };
const TIMEOUT_MS = 60_000;

const copies: string[] = [];
after(() => {
  for (const copy of copies) rmSync(copy, { recursive: true, force: true });
});

function copySource(): string {
  const copy = mkdtempSync(join(tmpdir(), 'smallchange-mutation-'));
  copies.push(copy);
  for (const name of ['src', 'test', 'loadtest', 'package.json', 'tsconfig.json']) {
    cpSync(join(projectRoot, name), join(copy, name), { recursive: true });
  }
  symlinkSync(join(projectRoot, 'node_modules'), join(copy, 'node_modules'));
  return copy;
}

function runTests(cwd: string, { file, tests }: Mutation): { passed: number; failed: number; output: string } {
  const named = tests === undefined ? [] : ['--test-name-pattern', tests];
  const args = ['--import', 'tsx', '--test', '--test-reporter', 'tap', ...named, file];
  const { stdout, stderr } = spawnSync(process.execPath, args, { cwd, env, encoding: 'utf8', timeout: TIMEOUT_MS });
  const count = (name: string) => Number(new RegExp(`^# ${name} (\\d+)`, 'm').exec(stdout)?.[1] ?? 0);
  return { passed: count('pass'), failed: count('fail'), output: stdout + stderr };
}

describe('mutations', () => {
  it('has a test for every patch', () => {
    const patches = readdirSync(join(projectRoot, 'test/mutations')).filter((name) => name.endsWith('.patch'));
    assert.deepEqual(patches.sort(), mutations.map(({ patch }) => `${patch}.patch`).sort());
  });

  for (const mutation of mutations) {
    it(`${mutation.patch} turns ${mutation.file} red`, () => {
      const copy = copySource();
      const patch = join(projectRoot, 'test/mutations', `${mutation.patch}.patch`);
      const applied = spawnSync('git', ['apply', '--recount', patch], { cwd: copy, encoding: 'utf8' });
      assert.equal(applied.status, 0, `the patch does not apply any more: ${applied.stderr}`);
      const { failed, output } = runTests(copy, mutation);
      assert.ok(failed > 0, `nobody noticed:\n${output}`);
      // Red for the right reason: a test said no, the program was not broken altogether.
      assert.match(output, /AssertionError|ERR_ASSERTION|waited \d+ ms for/, output);
      assert.doesNotMatch(output, /SyntaxError|ERR_MODULE_NOT_FOUND/, output);
    });
  }

  it('is green without any of them', () => {
    const copy = copySource();
    for (const mutation of mutations.filter(({ file }) => file !== INTERLEAVINGS)) {
      const { passed, failed, output } = runTests(copy, mutation);
      assert.ok(passed > 0 && failed === 0, output);
    }
  });
});

/** A guard switched off: its patch is applied to a copy of the source, its test is run there, and the copy is what it was. */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, rmSync, symlinkSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { projectRoot } from '../support/program.ts';
import { asTypeScript } from '../support/typescript.ts';
import type { Mutation } from './mutations.ts';

export const patches = join(projectRoot, 'test/mutations');

/** dist/ where there is one: for the servers behind an edge. */
const COPIED = [
  ...['src', 'test', 'loadtest', 'proxy', 'k8s', 'scripts', 'dist', 'package.json', 'package-lock.json'],
  ...['tsconfig.json', 'tsconfig.build.json', 'tsconfig.client.json'],
];

/** Of one run; none takes a tenth of it. */
const TIMEOUT_MS = 60_000;
/** Of the interleavings, a hundred find each mutation as a rule; nobody needs the smallest. */
const env = { ...process.env, INTERLEAVINGS: '4000', SHRINK: 'no', DEADLINE_MS: '5000', NODE_TEST_CONTEXT: undefined };

export interface Outcome {
  readonly passed: number;
  readonly failed: number;
  readonly output: string;
}

export class Copy implements Disposable {
  readonly #path = mkdtempSync(join(tmpdir(), 'smallchange-mutation-'));

  constructor() {
    for (const name of COPIED) {
      const from = join(projectRoot, name);
      if (existsSync(from)) cpSync(from, join(this.#path, name), { recursive: true });
    }
    // What is built is newer than what it was built from, until a patch changes that.
    const stamp = join(this.#path, 'dist/.built');
    if (existsSync(stamp)) utimesSync(stamp, new Date(), new Date());
    symlinkSync(join(projectRoot, 'node_modules'), join(this.#path, 'node_modules'));
  }

  /** Its test without its guard. @throws when the patch does not apply any more. */
  without(mutation: Mutation): Outcome {
    this.#patch(mutation, []);
    try {
      return this.run(mutation);
    } finally {
      this.#patch(mutation, ['--reverse']);
    }
  }

  /** By itself, not through `node --test`, which takes a process more. */
  run({ file, tests }: { readonly file: string; readonly tests?: string | undefined }): Outcome {
    const named = tests === undefined ? [] : ['--test-name-pattern', tests];
    const args = [...asTypeScript, '--test-reporter', 'tap', ...named, file];
    const { stdout, stderr, error } = spawnSync(process.execPath, args, {
      cwd: this.#path,
      env,
      encoding: 'utf8',
      timeout: TIMEOUT_MS,
    });
    const count = (name: string) => Number(new RegExp(`^# ${name} (\\d+)`, 'm').exec(stdout)?.[1] ?? 0);
    return { passed: count('pass'), failed: count('fail'), output: `${stdout}${stderr}${error ?? ''}` };
  }

  [Symbol.dispose](): void {
    rmSync(this.#path, { recursive: true, force: true });
  }

  /** @throws when the patch does not apply any more. */
  check(mutation: Mutation): void {
    this.#patch(mutation, ['--check']);
  }

  #patch({ patch }: Mutation, how: readonly string[]): void {
    const args = ['apply', '--recount', ...how, join(patches, `${patch}.patch`)];
    const { status, stderr } = spawnSync('git', args, { cwd: this.#path, encoding: 'utf8' });
    if (status !== 0) throw new Error(`the patch does not apply any more: ${stderr}`);
  }
}

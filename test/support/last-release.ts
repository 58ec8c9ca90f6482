/** The program as it was last released: what is in use when the head is rolled out, and what one goes back to. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { buildOf } from '../../loadtest/bench/former-build.ts';
import { projectRoot } from './program.ts';

/** A commit, moved on with each release. */
const LAST_RELEASE = '23b80ee1e6223d0163cacaf8f8d4ae01eeb6c8ee';

const git = (...args: string[]) =>
  execFileSync('git', args, { cwd: projectRoot, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();

let folder: string | undefined;

/** Why there is none to be had, where only the newest commits were cloned; null where there is. */
export function whyNoLastRelease(): string | null {
  try {
    if (git('rev-parse', '--is-shallow-repository') !== 'true') return null;
    git('cat-file', '-e', LAST_RELEASE);
    return null;
  } catch {
    return `the last release (${LAST_RELEASE}) is not in this clone: git fetch --unshallow`;
  }
}

/** Built once for this process. @returns The file to run. @throws Where it cannot be had or built. */
export async function theLastRelease(): Promise<string> {
  folder ??= buildOf(LAST_RELEASE).folder;
  return join(folder, 'main.js');
}

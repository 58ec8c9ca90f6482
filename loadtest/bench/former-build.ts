/** The build of another commit of this repository, made from a worktree that is gone again when it has been copied. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Build, copyOfBuild, root } from './measured.ts';

/** It runs with the packages that are installed now, and is removed when this process ends. */
export function buildOf(commit: string): Build {
  const dir = mkdtempSync(join(tmpdir(), 'smallchange-former-'));
  const tree = join(dir, 'tree');
  const git = (...args: string[]) => execFileSync('git', args, { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
  git('worktree', 'add', '--quiet', '--detach', tree, commit);
  try {
    symlinkSync(join(root, 'node_modules'), join(tree, 'node_modules'));
    execFileSync(process.execPath, ['scripts/build.mjs'], { cwd: tree, stdio: 'inherit' });
    return copyOfBuild(tree);
  } finally {
    git('worktree', 'remove', '--force', tree);
    rmSync(dir, { recursive: true, force: true });
  }
}

/** A disk of a test's own, in memory, that can be full or read-only. Mounting one needs root. */
import { spawnSync } from 'node:child_process';
import { type Folder, makeFolder } from './folder.ts';

export interface SmallDisk extends Folder {
  /** @param options As `mount` has them: `size=20m`, `ro`. */
  remount(options: string): void;
}

export function makeSmallDisk(options: string): SmallDisk {
  const folder = makeFolder();
  must('mount', '-t', 'tmpfs', '-o', options, 'smallchange-small', folder.path);
  return {
    path: folder.path,
    remount: (others) => must('mount', '-o', `remount,${others}`, folder.path),
    [Symbol.dispose]() {
      must('umount', '-l', folder.path);
      folder[Symbol.dispose]();
    },
  };
}

function must(program: string, ...words: string[]): void {
  const { status, stderr, error } = spawnSync(program, words, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${words.join(' ')}: ${error?.message ?? stderr}`);
}

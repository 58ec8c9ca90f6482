/**
 * Many test files in one process, one after the other: most of what a small one takes, by itself, is a process to start and the
 * same modules to load. `npm test` runs them so; a single file still runs alone.
 *
 * Each is a suite of its own, and so are its hooks. A failure is told with the place in its file.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe } from 'node:test';
import { pathToFileURL } from 'node:url';
import { TOGETHER } from '../../scripts/test/files.mjs';
import { projectRoot } from './program.ts';

/** @param entry Its name in `scripts/test/files.mjs`, where its files are. */
export async function together(entry: keyof typeof TOGETHER): Promise<void> {
  for (const path of TOGETHER[entry].flatMap(filesOf)) {
    await describe(path, async () => {
      await import(pathToFileURL(join(projectRoot, path)).href);
    });
  }
}

function filesOf(path: string): string[] {
  if (!path.endsWith('/')) return [path];
  const names = readdirSync(join(projectRoot, path));
  return names.filter((name) => name.endsWith('.test.ts')).map((name) => path + name);
}

/**
 * All unit tests in one process, one file after the other: most of what such a file takes, by itself, is a process to start
 * and the same modules to load. `npm test` runs this; a single file still runs alone.
 *
 * Each is a suite of its own, and so are its hooks. A failure is told with the place in its file.
 */
import { readdirSync } from 'node:fs';
import { describe } from 'node:test';

const folders = ['unit/', 'client/unit/'].map((path) => new URL(path, import.meta.url));

for (const folder of folders) {
  for (const name of readdirSync(folder).filter((each) => each.endsWith('.test.ts'))) {
    await describe(name, async () => {
      await import(new URL(name, folder).href);
    });
  }
}

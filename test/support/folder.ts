/** A folder of a test's own, gone with it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Folder extends Disposable {
  readonly path: string;
}

export function makeFolder(): Folder {
  const path = mkdtempSync(join(tmpdir(), 'smallchange-data-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

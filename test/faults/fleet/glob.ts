/** Where in a folder a file of that name is: libraries are in other places on other architectures. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

export function globSync(folder: string, name: string): string | undefined {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.name === name) return path;
    const found = entry.isDirectory() ? globSync(path, name) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

/** With what `npm start` of a tree runs Node (why: Dockerfile). */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export function startArgsOf(tree: string): string[] {
  const { scripts } = JSON.parse(readFileSync(join(tree, 'package.json'), 'utf8')) as { scripts: { start: string } };
  return scripts.start.split(' ').slice(1, -1);
}

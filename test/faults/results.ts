/** Results that are kept: one markdown page each, with what was run, on what, and what came of it. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface Result {
  readonly name: string;
  readonly title: string;
  readonly command: string;
  /** One object a row of the table. */
  readonly rows: readonly Readonly<Record<string, number | string>>[];
  readonly failures: readonly string[];
}

const folder = join(dirname(fileURLToPath(import.meta.url)), 'results');

/** @returns The path of the page. */
export function keepResult({ name, title, command, rows, failures }: Result): string {
  const commit = execFileSync('git', ['describe', '--always', '--dirty'], { cwd: folder, encoding: 'utf8' }).trim();
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const lines = [columns, ...rows.map((row) => columns.map((column) => row[column] ?? ''))];
  // A single row would be wider than any page.
  const [head = [], ...body] = rows.length === 1 ? columns.map((_, i) => lines.map((line) => line[i]!)) : lines;
  const table = [head, head.map(() => '---'), ...body];
  const verdict = failures.length === 0 ? 'As promised.' : `NOT as promised:\n\n\`\`\`\n${failures.join('\n')}\n\`\`\``;
  const machine = `Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model.trim()}, everything on this one machine`;
  const text = [
    `# ${title}`,
    '',
    verdict,
    '',
    ...table.map((cells) => `| ${cells.join(' | ')} |`),
    '',
    `\`${command}\`, commit ${commit}, ${machine}.`,
    '',
  ];
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${new Date().toISOString().slice(0, 10)}-${name}.md`);
  writeFileSync(path, text.join('\n'));
  return path;
}

/** A result as Markdown, to be committed beside the page. */
import type { Result, Table } from '../result.ts';
import { verdictLines } from '../verdict.ts';

export function markdownOf(title: string, command: string, result: Result): string {
  return [
    `# ${title}`,
    '',
    `* command: \`${command}\``,
    `* ${result.startedAt}, ${result.machine}, Node ${result.node}, seed ${result.options.seed}`,
    '',
    '```',
    ...verdictLines(result).filter((line) => line !== ''),
    '```',
    '',
    ...result.tables.flatMap((table) => [`## ${table.title}`, '', ...rowsOf(table), '']),
  ].join('\n');
}

export function rowsOf({ head, rows }: Table): string[] {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`);
}

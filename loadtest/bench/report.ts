/** What a benchmark writes down: numbers with their spread, and what somebody needs to do it again. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { pathToFileURL } from 'node:url';
import { nodeVersion } from './measured.ts';
import { isReduced } from './options.ts';

export interface Spread {
  readonly min: number;
  readonly median: number;
  readonly max: number;
}

export function spreadOf(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
  return { min: sorted[0]!, median, max: sorted.at(-1)! };
}

/** `median (min–max)`. */
export function written({ min, median, max }: Spread, digits = 0): string {
  const text = (value: number) =>
    value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return `${text(median)} (${text(min)}–${text(max)})`;
}

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

/**
 * Prints the report and writes it to `loadtest/results/<date>-<name>.md`, or to the folder that `BENCH_RESULTS` names. Servers
 * on another Node than ours make it another name. A run with less than the defaults is only a trial, and is not written
 * among the results.
 */
export function publish(name: string, title: string, body: string): void {
  const text = `# ${title}\n\n${machine()}\n\n${body}\n`;
  process.stdout.write(`\n${text}`);
  const folder = process.env.BENCH_RESULTS;
  if (folder === undefined && isReduced()) {
    process.stdout.write('\nLess than the defaults was asked for: a trial, not written to loadtest/results.\n');
    return;
  }
  const results = folder === undefined ? new URL('../results/', import.meta.url) : pathToFileURL(`${folder}/`);
  mkdirSync(results, { recursive: true });
  const node = nodeVersion === process.version ? '' : `-node${nodeVersion.slice(1).split('.')[0]}`;
  writeFileSync(new URL(`${new Date().toISOString().slice(0, 10)}-${name}${node}.md`, results), text);
}

function machine(): string {
  const command = [
    'node',
    ...process.execArgv,
    ...process.argv.slice(1).map((arg) => arg.replace(`${process.cwd()}/`, '')),
  ];
  const git = (...args: string[]) => execFileSync('git', args, { encoding: 'utf8' }).trim();
  const commit = git('rev-parse', '--short', 'HEAD') + (git('status', '--porcelain', 'src') ? ' with changes' : '');
  const [cpu] = cpus();
  return [
    `* command: \`${command.join(' ')}\``,
    `* commit: ${commit}`,
    `* machine: ${cpus().length} × ${cpu?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}, servers on Node ${nodeVersion}, clients on ${process.version}`,
  ].join('\n');
}

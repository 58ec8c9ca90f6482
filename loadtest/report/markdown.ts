/** A result as Markdown, to be committed beside the page. */

import type { Minute, Result, Table } from '../run/result.ts';
import { ms, number, verdictLines } from '../run/verdict.ts';

/** What is known of a run besides its result: its command, its commit and the like. */
export type Facts = readonly (readonly [name: string, value: string])[];

export function markdownOf(title: string, facts: Facts, result: Result): string {
  const tables = [...result.tables, minuteTable(result.minutes)];
  return [
    `# ${title}`,
    '',
    ...facts.map(([name, value]) => `* ${name}: ${value}`),
    `* machine: ${result.machine}`,
    `* generator: Node ${result.node}, seed ${result.options.seed}`,
    `* started: ${result.startedAt}`,
    '',
    '```',
    ...verdictLines(result).filter((line) => line !== ''),
    '```',
    '',
    ...tables.flatMap(({ title: name, notes, ...table }) => [
      `## ${name}`,
      '',
      ...rowsOf(table),
      '',
      ...(notes ? [notes, ''] : []),
    ]),
  ].join('\n');
}

export function rowsOf({ head, rows }: Pick<Table, 'head' | 'rows'>): string[] {
  const rule = head.map((_, i) => (i === 0 ? '---' : '---:'));
  return [head, rule, ...rows].map((cells) => `| ${cells.join(' | ')} |`);
}

function minuteTable(minutes: readonly Minute[]): Table {
  return {
    title: 'Minute by minute, while the load ran',
    head: [
      ...['minute', 'open streams', 'cut', 'changes/s', 'events/s', 'p50', 'p99', 'max', 'POST p99'],
      ...['cores, generator', 'cores, machine', 'offences'],
    ],
    rows: minutes.map((minute, i) => [
      minute.seconds > 55 ? String(i + 1) : `${i + 1} (${Math.round(minute.seconds)} s)`,
      number(minute.open),
      number(minute.cut),
      number(minute.acceptedPerS),
      number(minute.receivedPerS),
      ms(minute.latency.p50Ms),
      ms(minute.latency.p99Ms),
      ms(minute.latency.maxMs),
      ms(minute.post.p99Ms),
      minute.testerCpu.toFixed(2),
      minute.machineCpu.toFixed(2),
      number(minute.offences),
    ]),
    notes: 'p50, p99 and max: from when a change was due to its event at each stream.',
  };
}

/**
 * `npm run chaos -- --seed 7 --minutes 2 --faults all`: faults at random, and the checker's verdict. Exit code 1 on a violation,
 * and the history, every log and Redis' files are kept.
 */
import { parseArgs } from 'node:util';
import { report } from './checker.ts';
import { allFaults, faultsNamed, needsOf } from './faults/faults.ts';
import { timesOf } from './figures.ts';
import { keepResult } from './results.ts';
import { run } from './run.ts';
import { describePlan, planFaults } from './schedule.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1_000_000)) },
    seeds: { type: 'string', default: '1' },
    minutes: { type: 'string', default: '1' },
    faults: { type: 'string', default: 'all' },
    writers: { type: 'string', default: '8' },
    readers: { type: 'string', default: '9' },
    rate: { type: 'string', default: '200' },
    long: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    /** Under this name among the results. */
    record: { type: 'string' },
  },
});

const rows: Record<string, number>[] = [];
const failures: string[] = [];

async function chaos(seed: number): Promise<void> {
  const faults = faultsNamed(values.faults);
  const planned = planFaults(seed, faults, Number(values.minutes) * 60_000, values.long);
  console.log(`seed ${seed}: ${planned.length} faults in ${values.minutes} minutes\n${describePlan(planned)}`);
  const { verdict, lines, dir } = await run({
    seed,
    planned,
    needs: needsOf(faults),
    writers: Number(values.writers),
    readers: Number(values.readers),
    rate: Number(values.rate),
  });
  const { violations, figures } = verdict;
  const row = { seed, violations: violations.length, ...figures, ...timesOf(lines) };
  rows.push(row);
  console.log(`seed ${seed}: ${report(verdict)}\n${JSON.stringify(row)}`);
  if (violations.length === 0) return;
  failures.push(report(verdict));
  console.log(`seed ${seed}: everything is in ${dir}`);
}

// What a run has set up is undone when the process exits, which a signal alone does not make it do.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

if (values.list) {
  console.log(allFaults.map(({ name, isLossy }) => `${name}${isLossy ? ' (lossy, not in `all`)' : ''}`).join('\n'));
} else {
  const first = Number(values.seed);
  for (let seed = first; seed < first + Number(values.seeds); seed++) await chaos(seed);
  console.log(`${values.seeds} seeds, ${failures.length} with violations`);
  process.exitCode = failures.length === 0 ? 0 : 1;
  const command = `npm run chaos -- ${process.argv.slice(2).join(' ')}`;
  const title = `${values.seeds} seeds × ${values.minutes} minutes of faults (${values.faults}): 0 violations of I1–I10`;
  if (values.record !== undefined) console.log(keepResult({ name: values.record, title, command, rows, failures }));
}

/**
 * `npm run soak:client -- --changes 100000 --clients 20 --seed 1 [--fleet]`: pages that are reloaded, killed and frozen at random, on
 * networks that fail at random, in front of one server or of a fleet that is killed at random. In the end every change is merged once,
 * in the order of its publisher, and came to every callback once, in the order of the merge; else the exit code is 1.
 *
 * Each client is a process. Every fourth pair of them are two tabs of one profile. Of its four channels the app keeps the cursors of
 * two, which so are whole over all its lives; of the others each life is without a gap. `--record NAME` keeps the result.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { keepResult } from '../../faults/results.ts';
import { run } from './run.ts';

const { values } = parseArgs({
  options: {
    changes: { type: 'string', default: '1000' },
    clients: { type: 'string', default: '20' },
    /** Changes a second. */
    rate: { type: 'string', default: '100' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    /** The longest that it may take. */
    minutes: { type: 'string', default: '60' },
    fleet: { type: 'boolean', default: false },
    record: { type: 'string' },
  },
});

// What a run has set up is undone when the process exits, which a signal alone does not make it do.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

const dir = mkdtempSync(join(tmpdir(), 'smallchange-soak-'));
process.once('exit', () => rmSync(dir, { recursive: true, force: true }));
const { row, failures } = await run({
  dir,
  seed: Number(values.seed),
  changes: Number(values.changes),
  clients: Number(values.clients),
  rate: Number(values.rate),
  maxMs: Number(values.minutes) * 60_000,
  isFleet: values.fleet,
  say: (line) => console.log(line),
});
console.log(JSON.stringify(row));
console.log(failures.length === 0 ? '0 lost, 0 repeated, in order' : failures.join('\n'));
process.exitCode = failures.length === 0 ? 0 : 1;
const command = `npm run soak:client -- ${process.argv.slice(2).join(' ')}`;
const title = `${values.changes} changes from ${values.clients} clients${values.fleet ? ' to a fleet that is killed at random' : ''}: ${row.lost} lost, ${row.repeated} repeated, ${row.disordered} out of order`;
if (values.record !== undefined)
  console.log(keepResult({ name: values.record, title, command, rows: [row], failures }));

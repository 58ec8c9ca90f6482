/**
 * `npm run weight:random -- --minutes 30 --seed 1 [--record]`: attacks at random, several at a time, on one process with all roles
 * and a Redis, beside good clients. Now and then it begins anew with other settings. In the end no process has ended, good
 * clients were served, and memory has come back.
 */
import { parseArgs } from 'node:util';
import { keepResult } from '../faults/results.ts';
import { createRandom } from '../support/random.ts';
import type { Choice } from './settings.ts';
import { siege } from './siege.ts';

/** Settings change after so long. */
const PERIOD_MS = 180_000;
const SUCCESS_MIN = 0.999;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    seed: { type: 'string', default: '1' },
    record: { type: 'boolean', default: false },
  },
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

const random = createRandom(Number(values.seed));
const untilMs = performance.now() + Number(values.minutes) * 60_000;
const choices: readonly Choice[] = ['defaults', 'largest'];
const rows: Record<string, number | string>[] = [];
const failures: string[] = [];
let [attempts, failed] = [0, 0];
for (let period = 0; performance.now() < untilMs; period++) {
  const choice = choices[period % choices.length]!;
  const forMs = Math.min(PERIOD_MS, untilMs - performance.now());
  const result = await siege({ choice, forMs, random });
  attempts += result.attempts;
  failed += result.failed;
  rows.push({ period: period + 1, settings: choice, ...result.figures });
  console.log(JSON.stringify(rows.at(-1)));
  failures.push(...result.failures.map((failure) => `period ${period + 1}, ${choice}: ${failure}`));
}
const success = attempts === 0 ? 0 : 1 - failed / attempts;
console.log(`good clients: ${(100 * success).toFixed(3)} % of ${attempts}`);
if (success < SUCCESS_MIN)
  failures.push(`good clients were served ${(100 * success).toFixed(3)} % of ${attempts} times`);
for (const failure of failures) console.log(`NOT SO: ${failure}`);
if (failures.length > 0) process.exitCode = 1;
if (values.record) {
  const command = `npm run weight:random -- --minutes ${values.minutes} --seed ${values.seed}`;
  const title = `${values.minutes} minutes of attacks at random: no exits, good clients served ${100 * SUCCESS_MIN} % of the time, memory comes back`;
  console.log(keepResult({ name: 'weight-random', title, command, rows, failures }));
}

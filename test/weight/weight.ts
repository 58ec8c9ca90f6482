/**
 * Runs attacks and prints a row of figures each. `npm run weight -- --size full [--attack name,name] [--settings defaults,largest]
 * [--record]`; exit code 1 when a promise was not kept.
 */
import { parseArgs } from 'node:util';
import { keepResult } from '../faults/results.ts';
import type { Size } from './attack.ts';
import { attacks } from './attacks.ts';
import type { Choice } from './settings.ts';
import { attempt, type Row } from './trial.ts';

const { values } = parseArgs({
  options: {
    attack: { type: 'string', default: 'all' },
    size: { type: 'string', default: 'small' },
    settings: { type: 'string', default: 'defaults' },
    record: { type: 'boolean', default: false },
  },
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

const wanted = values.attack.split(',');
const chosen = attacks.filter(({ name }) => wanted.some((word) => word === 'all' || name.startsWith(word)));
if (chosen.length === 0) throw new Error(`there are ${attacks.map(({ name }) => name).join(', ')}`);
const rows: Row['figures'][] = [];
const failures: string[] = [];
for (const choice of values.settings.split(',') as Choice[]) {
  for (const attack of chosen) {
    console.log(`${attack.name}, ${choice}: ${attack.promise}`);
    const row = await attempt(attack, values.size as Size, choice);
    rows.push({ attack: attack.name, settings: choice, ...row.figures });
    failures.push(...row.failures.map((failure) => `${attack.name}, ${choice}: ${failure}`));
    console.log(`  ${JSON.stringify(row.figures)}`);
    for (const failure of row.failures) console.log(`  NOT SO: ${failure}`);
  }
}
if (failures.length > 0) process.exitCode = 1;
if (values.record) {
  const command = `npm run weight -- --size ${values.size} --attack ${values.attack} --settings ${values.settings}`;
  const title = 'Attacks on memory and time: no request, client or channel stops the others';
  console.log(keepResult({ name: 'weight', title, command, rows, failures }));
}

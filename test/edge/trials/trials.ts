/** All trials by name. `npm run edge:trial -- --name latency [--edge haproxy] [--scale 0.1] [--record]` */
import { parseArgs } from 'node:util';
import { keepResult } from '../../faults/results.ts';
import { type Edge, edges } from '../../support/edge.ts';
import { abuse } from './abuse.ts';
import { abuseRaw } from './abuse-raw.ts';
import { certificate } from './certificate.ts';
import { crowdAtLimit } from './crowd-at-limit.ts';
import { fullEdge } from './full-edge.ts';
import { idle } from './idle.ts';
import { killedGateway } from './killed-gateway.ts';
import { latency } from './latency.ts';
import { memory } from './memory.ts';
import { reloads } from './reloads.ts';
import type { Trial } from './trial.ts';

const trials: readonly Trial[] = [
  ...[latency, idle, memory, abuse, abuseRaw, killedGateway],
  ...[certificate, crowdAtLimit, fullEdge, reloads],
];

const { values } = parseArgs({
  options: {
    name: { type: 'string', default: 'all' },
    edge: { type: 'string', default: edges.join(',') },
    scale: { type: 'string', default: '1' },
    record: { type: 'boolean', default: false },
  },
});
const chosen = trials.filter(({ name }) => values.name === 'all' || values.name.split(',').includes(name));
if (chosen.length === 0) throw new Error(`there are ${trials.map(({ name }) => name).join(', ')}`);
const scale = Number(values.scale);
for (const { name, promise, run } of chosen) {
  console.log(`${name}: ${promise}`);
  const rows: Record<string, number | string>[] = [];
  const failures: string[] = [];
  for (const edge of values.edge.split(',') as Edge[]) {
    const result = await run({ edge, scale });
    rows.push({ edge, ...result.figures });
    failures.push(...result.failures.map((failure) => `${edge}: ${failure}`));
    console.log(rows.at(-1));
  }
  for (const failure of failures) console.log(`  NOT SO: ${failure}`);
  if (failures.length > 0) process.exitCode = 1;
  const command = `npm run edge:trial -- --name ${name} --edge ${values.edge} --scale ${values.scale}`;
  const title = scale === 1 ? promise : `${promise}. Here at ${values.scale} of that size`;
  if (values.record) console.log(keepResult({ name: `edge-${name}`, title, command, rows, failures }));
}

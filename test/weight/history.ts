/**
 * `npm run weight:history [-- --rounds 5 --seconds 10 --record]`: what 20 readers of a history of large changes cost the events of
 * another channel, with the roles apart on a Redis. Quiet and loaded times take turns, because no machine is equally fast for
 * long, and each loaded one is compared with the quiet one before it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { spreadOf, written } from '../../loadtest/bench/report.ts';
import { keepResult } from '../faults/results.ts';
import { fillRead, historyReaders, startReaders } from './attacks/history-readers.ts';
import { Child } from './children.ts';
import type { Measured } from './good-clients.ts';
import type { GoodQuestion } from './good-process.ts';
import { prepareGround } from './ground.ts';

/** What a good client's p99 may become. */
const FACTOR = 2;
const TOLD_MS = 60_000;

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '10' },
    record: { type: 'boolean', default: false },
  },
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

await using ground = await prepareGround({ store: 'apart', choice: 'defaults', env: historyReaders.env!('full') });
await fillRead(ground);
await using good = new Child(new URL('good-process.ts', import.meta.url));
const tell = <T>(question: GoodQuestion) => good.ask<T>(question, TOLD_MS);
await tell({ step: 'open', target: ground.target });

async function measure(): Promise<Measured> {
  await tell({ step: 'begin' });
  await sleep(Number(values.seconds) * 1000);
  return tell({ step: 'end' });
}

// Connections, caches and compilers: not what is to be compared.
await measure();
const factors: number[] = [];
const failures: string[] = [];
const rows: Record<string, number | string>[] = [];
for (let round = 1; round <= Number(values.rounds); round++) {
  const quiet = await measure();
  const readers = startReaders(ground.target.gatewayUrl);
  const loaded = await measure();
  readers.stop();
  factors.push(loaded.events.p99Ms / quiet.events.p99Ms);
  const answered503 = loaded.failures['POST answered 503'] ?? 0;
  rows.push({
    round,
    'quiet p50/p99, ms': `${quiet.events.p50Ms.toFixed(1)}/${quiet.events.p99Ms.toFixed(1)}`,
    'loaded p50/p99, ms': `${loaded.events.p50Ms.toFixed(1)}/${loaded.events.p99Ms.toFixed(1)}`,
    'p99 ×': factors.at(-1)!.toFixed(2),
    'POSTs 503': answered503,
    'readers got': `${readers.answers}`,
  });
  console.log(JSON.stringify(rows.at(-1)));
  for (const [what, count] of Object.entries(loaded.failures)) failures.push(`round ${round}: ${count} × ${what}`);
}
await tell({ step: 'close' });
const factor = spreadOf(factors);
console.log(`p99 × ${written(factor, 2)}`);
if (factor.median > FACTOR) failures.push(`p99 ${factor.median.toFixed(2)} times that of quiet times`);
for (const failure of failures) console.log(`NOT SO: ${failure}`);
if (failures.length > 0) process.exitCode = 1;
if (values.record) {
  rows.push({ round: 'median (min–max)', 'p99 ×': written(factor, 2) });
  const command = `npm run weight:history -- --rounds ${values.rounds} --seconds ${values.seconds}`;
  const title = `20 readers of a history of large changes: events of another channel at most ${FACTOR} × quiet, no POST 503`;
  console.log(keepResult({ name: 'weight-history', title, command, rows, failures }));
}

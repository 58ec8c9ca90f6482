/**
 * POSTs a second of a single box: in memory, beside the same with `DATA_DIR`, on this machine's disk and on one whose fsync takes 5 ms
 * longer; and what the event loop is kept from by it.
 *
 * Why this is valid: each is one process with all roles, gets the same requests from the same generator, and runs in turn in one run,
 * several rounds; the ratio is taken within a round. What counts are changes merged, not only answered: a round ends when the
 * inboxes are empty, and that time is in. The slow disk is the true one behind a `fdatasync` that waits first, in the very process.
 *
 * npm run bench -- box [--rounds 6] [--seconds 5] [--fsync 5]
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { request } from 'undici';
import { makeFolder } from '../../test/support/folder.ts';
import { slowFsync } from '../../test/support/slow-fsync.ts';
import { generate } from './generator.ts';
import { type Delay, LoopDelay } from './loop-watch.ts';
import { startSmallchange } from './measured.ts';
import { numbersOf } from './options.ts';
import { load } from './posts-sides.ts';
import type { Running } from './process.ts';
import { publish, spreadOf, table, written } from './report.ts';

const { rounds, seconds, fsync } = numbersOf({ rounds: 6, seconds: 5, fsync: 5 });
const WARM_UP_S = 1;
const LOOK_MS = 20;
const MERGED_MAX_MS = 60_000;

interface Round extends Delay {
  readonly mergedPerS: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly serverCpu: number;
}

interface Side {
  readonly name: string;
  readonly connections: number;
  readonly isDurable: boolean;
  readonly fsyncMs: number;
  readonly done: Round[];
}

/** Those of the other benchmarks, and as many as a small app has: what waits for one fsync goes with the next. */
const CONNECTIONS = [load.connections, 256];

const sides = CONNECTIONS.flatMap((connections): Side[] => [
  { name: 'in memory', connections, isDurable: false, fsyncMs: 0, done: [] },
  { name: 'DATA_DIR', connections, isDurable: true, fsyncMs: 0, done: [] },
  { name: `DATA_DIR, an fsync takes ${fsync} ms more`, connections, isDurable: true, fsyncMs: fsync, done: [] },
]);

async function inboxOf({ port }: Running): Promise<number> {
  const { body } = await request(`http://127.0.0.1:${port}/metrics`);
  return Number(/^smallchange_inbox_entries (\S+)$/m.exec(await body.text())?.[1]);
}

async function send(server: Running, connections: number, forS: number) {
  const startedMs = performance.now();
  const result = await generate({ ...load, connections, port: server.port, path: server.paths.publish, seconds: forS });
  if (result.errors > 0) throw new Error(`${result.errors} POSTs failed`);
  while ((await inboxOf(server)) > 0) {
    if (performance.now() - startedMs > MERGED_MAX_MS) throw new Error('the merge does not keep up');
    await sleep(LOOK_MS);
  }
  return { result, elapsedS: (performance.now() - startedMs) / 1000 };
}

async function measure({ isDurable, fsyncMs, connections }: Side): Promise<Round> {
  using folder = makeFolder();
  using delay = new LoopDelay();
  const file = join(folder.path, 'fsync-ms');
  const slow = fsyncMs > 0 ? slowFsync(folder.path, file) : {};
  const env = { ...slow, ...(isDurable && { DATA_DIR: join(folder.path, 'data') }), INBOX_MAX_ENTRIES: '1000000' };
  const server = await startSmallchange({ env, instrument: delay.instrument });
  try {
    if (fsyncMs > 0) writeFileSync(file, String(fsyncMs));
    await send(server, connections, WARM_UP_S);
    await delay.begin(server);
    const cpuS = server.cpuS();
    const { result, elapsedS } = await send(server, connections, seconds);
    const serverCpu = (server.cpuS() - cpuS) / elapsedS;
    const { requestsPerS, p50Ms, p99Ms } = result;
    const mergedPerS = (requestsPerS * seconds) / Math.max(seconds, elapsedS);
    return { ...(await delay.end(server)), mergedPerS, p50Ms, p99Ms, serverCpu };
  } finally {
    await server.stop();
  }
}

for (let round = 1; round <= rounds; round++) {
  const told: string[] = [];
  // Every other round the other way round: a slow phase of the machine hits all alike.
  for (const side of round % 2 === 1 ? sides : sides.toReversed()) {
    const result = await measure(side);
    side.done.push(result);
    told.push(
      `${side.connections}: ${side.name} ${Math.round(result.mergedPerS)}/s, loop p99.9 ${result.p999.toFixed(1)} ms`,
    );
  }
  console.log(`round ${round}: ${told.join('; ')}`);
}

const of = (side: Side, figure: (round: Round) => number, digits = 0) =>
  written(spreadOf(side.done.map(figure)), digits);
const ratio = (side: Side) => {
  const memory = sides.find(({ connections, isDurable }) => connections === side.connections && !isDurable)!;
  return written(spreadOf(side.done.map((r, i) => r.mergedPerS / memory.done[i]!.mergedPerS)), 2);
};
publish(
  'box',
  'A single box that may stop, beside the same in memory',
  [
    `Keep-alive connections, 1 byte each to ${load.channels} channels, all roles in one process,`,
    `${rounds} rounds of ${seconds} s in turn; median (min–max). Milliseconds; CPU in cores, all threads.`,
    '',
    table(
      ['connections', 'server', 'merged per s', '÷ in memory', 'POST p50', 'p99', 'loop p99', 'p99.9', 'max', 'CPU'],
      sides.map((side) => [
        String(side.connections),
        side.name,
        of(side, (r) => r.mergedPerS),
        ratio(side),
        of(side, (r) => r.p50Ms, 2),
        of(side, (r) => r.p99Ms, 2),
        of(side, (r) => r.p99, 1),
        of(side, (r) => r.p999, 1),
        of(side, (r) => r.max, 1),
        of(side, (r) => r.serverCpu, 2),
      ]),
    ),
  ].join('\n'),
);

/**
 * A rolling restart of everything, under load and behind an edge; then one gateway is killed. The load tester's ledger says
 * whether a change was lost or repeated, its offences whether a stream was dropped without a word.
 *
 * `npm run rolling -- --edge haproxy --streams 5000 --rate 1000 [--record]`
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startEdge } from '../../../proxy/process.ts';
import type { Edge } from '../../../proxy/settings.ts';
import { keepResult } from '../../faults/results.ts';
import { startRedis } from '../../support/redis-server.ts';
import { waitFor } from '../../support/wait.ts';
import { type Kind, Member } from './member.ts';
import { Watch } from './watch.ts';

const { values } = parseArgs({
  options: {
    edge: { type: 'string', default: 'haproxy' },
    streams: { type: 'string', default: '5000' },
    rate: { type: 'string', default: '1000' },
    record: { type: 'boolean', default: false },
  },
});
const streams = Number(values.streams);

const COUNTS: Readonly<Record<Kind, number>> = { gateway: 3, bucket: 2, merger: 2 };
/** The default. */
const DRAIN_MS = 20_000;
/** Of a gateway's drain (gateway.ts). */
const DRAIN_MS_PER_STREAM = 20;
/** Between two restarts: an edge's check has seen it, slow start is over its worst. */
const PAUSE_MS = 8_000;
/** Until what a restart has left uneven is even again. */
const EVEN_MAX_MS = 90_000;
const EVEN = 0.15;
const PACE_FACTOR = 1.5;
const BACK_MAX_MS = 10_000;
/** All of it, and a reserve. */
const LOAD_S = 260;

interface Outcome {
  readonly isClean: boolean;
  readonly counts: Readonly<Record<string, number>>;
  readonly offenceCounts: Readonly<Record<string, number>>;
  readonly latency: { readonly p50Ms: number; readonly p99Ms: number };
  readonly post: { readonly p50Ms: number; readonly p99Ms: number };
}

function startLoad(target: string, json: string): ChildProcess {
  const program = fileURLToPath(new URL('../../../loadtest/dist/main.js', import.meta.url));
  const flags = { target, streams: values.streams, channels: `${streams / 10}`, rate: values.rate, json };
  const more = { duration: `${LOAD_S}`, 'open-rate': '1000/s', late: '30s', settle: '20s' };
  const args = Object.entries({ ...flags, ...more }).flatMap(([name, value]) => [`--${name}`, value]);
  return spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'inherit', 'inherit'] });
}

const failures: string[] = [];
const figures: Record<string, number | string> = { edge: values.edge, streams, 'changes/s': Number(values.rate) };
const ms = (value: number) => Math.round(value);

async function restartAll(members: readonly Member[], watch: Watch): Promise<void> {
  let pace = 0;
  for (const member of members) {
    const held = (await member.load())?.streams ?? 0;
    const fromMs = performance.now();
    const code = await member.restart();
    if (code !== 0) failures.push(`${member.name} ended with ${code}`);
    await sleep(PAUSE_MS);
    if (member.kind !== 'gateway') continue;
    const planned = held / (Math.min(DRAIN_MS, held * DRAIN_MS_PER_STREAM) / 1000);
    pace = Math.max(pace, watch.arrivalsPerS(member, fromMs) / planned);
  }
  figures['reconnects, of the planned pace'] = pace.toFixed(2);
  if (pace > PACE_FACTOR) failures.push(`streams came back at ${pace.toFixed(2)} times the planned pace`);
}

async function becomeEven(watch: Watch): Promise<void> {
  const beganMs = performance.now();
  const isEven = () => watch.total >= streams && watch.unevenness <= EVEN;
  await waitFor(isEven, { timeoutMs: EVEN_MAX_MS, everyMs: 500, what: () => `${watch.unevenness} to be even` }).catch(
    (error: Error) => failures.push(error.message),
  );
  figures['even after, s'] = ms((performance.now() - beganMs) / 1000);
  figures['farthest from the mean'] = `${(watch.unevenness * 100).toFixed(1)} %`;
}

/** @returns How many streams it took with it. */
async function killOne(gateway: Member, watch: Watch): Promise<number> {
  const { streams: held } = (await gateway.load())!;
  const beganMs = performance.now();
  await gateway.kill9();
  await waitFor(() => watch.totalSince(beganMs) >= streams, {
    timeoutMs: 60_000,
    everyMs: 200,
    what: 'all streams to be back',
  }).catch((error: Error) => failures.push(error.message));
  const backMs = performance.now() - beganMs;
  figures['all back after kill -9, ms'] = ms(backMs);
  if (backMs > BACK_MAX_MS) failures.push(`after kill -9 the streams were back after ${ms(backMs)} ms`);
  await gateway.startAgain();
  return held;
}

const dir = mkdtempSync(join(tmpdir(), 'smallchange-rolling-'));
const json = join(dir, 'load.json');
const redis = await startRedis({ appendfsync: 'always' });
const env = { REDIS_URL: redis.url, DRAIN_MS: String(DRAIN_MS), LOG_LEVEL: 'info' };
const members: Member[] = [];
for (const kind of Object.keys(COUNTS) as Kind[]) {
  for (let i = 0; i < COUNTS[kind]; i++) members.push(await Member.start(kind, i, env));
}
const of = (kind: Kind) => members.filter((each) => each.kind === kind);
const edge = await startEdge(values.edge as Edge, {
  buckets: of('bucket').map(({ address }) => address),
  gateways: of('gateway').map(({ address }) => address),
  // All clients have a few addresses of this machine.
  connectionsPerIp: 20_000,
  requestsPerS: 50_000,
});
const watch = new Watch(of('gateway'));
let killed = 0;
const load = startLoad(edge.plainUrl, json);
const over = once(load, 'close');
try {
  await waitFor(() => watch.total >= streams, { timeoutMs: 60_000, everyMs: 200, what: 'all streams to be open' });
  await sleep(5_000);
  await restartAll(members, watch);
  await becomeEven(watch);
  killed = await killOne(of('gateway')[0]!, watch);
  await over;
} finally {
  load.kill('SIGTERM');
  watch.close();
  await edge.stop();
  await Promise.all(members.map((member) => member.stop()));
  await redis.stop();
}
const { counts, offenceCounts, latency, post } = JSON.parse(readFileSync(json, 'utf8')) as Outcome;
rmSync(dir, { recursive: true });
for (const name of ['accepted', 'owed', 'received', 'resent', 'resumed', 'announced'] as const)
  figures[name] = counts[name]!;
Object.assign(figures, { 'p50 ms': latency.p50Ms, 'p99 ms': latency.p99Ms, 'POST p99 ms': post.p99Ms });
// A gateway that is killed says goodbye to nobody.
const unexplained = (offenceCounts.disconnected ?? 0) - killed;
for (const [what, count] of Object.entries({ ...offenceCounts, disconnected: unexplained })) {
  if (count > 0) failures.push(`${count} × ${what}`);
}
console.log(figures, failures);
const command = `npm run rolling -- ${process.argv.slice(2).join(' ')}`;
const title = 'rolling restart of every process under load: 0 lost, 0 repeated; then kill -9 of a gateway';
const name = `rolling-${values.edge}`;
if (values.record) console.log(keepResult({ name, title, command, rows: [figures], failures }));
process.exitCode = failures.length === 0 ? 0 : 1;

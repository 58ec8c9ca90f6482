/**
 * What shards cost: the CPU of Redis and of the merger with few and with many shards, idle and at a steady rate, of this head
 * beside a former commit.
 *
 * Why this is a valid comparison: bucket, merger and gateway are processes of their own with a Redis of their own; both heads run
 * all the while and are asked in turn for some seconds each, the first of them changes with every round, and the ratio is taken
 * within a round. CPU seconds are the kernel's, from when the clients have come to rest.
 *
 * BENCH_BEFORE is the commit, the one before this unless it is given.
 *
 * npm run bench -- shards [--rounds 16] [--seconds 4] [--rate 1000]
 */
import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { buildOf } from './former-build.ts';
import type { LatencyLoad } from './latency-client.ts';
import { type Build, startSmallchange } from './measured.ts';
import { numbersOf } from './options.ts';
import { startRedis } from './redis.ts';
import { publish, spreadOf, table, written } from './report.ts';
import { inTurn, type Opened } from './turns.ts';

const { rounds, seconds, rate } = numbersOf({ rounds: 16, seconds: 4, rate: 1000 });
const commit = process.env.BENCH_BEFORE ?? 'HEAD~1';
const SHARDS = [16, 64] as const;
const CHANNELS = 200;
/** Connections, a roll call and the first looks are over. */
const REST_S = 6;
/** A client has started, and its streams are there. */
const WARM_UP_S = 2;
const former = buildOf(commit);
const client = new URL('latency-client.ts', import.meta.url).pathname;

/** Cores in use: 1 is one core all the time. */
interface Cost {
  readonly redis: number;
  readonly merger: number;
}

async function open(build: Build | undefined, shards: number, perS: number): Promise<Opened<Cost>> {
  const redis = await startRedis('off');
  const env = { REDIS_URL: redis.url, SHARDS: String(shards) };
  const part = (role: string) => startSmallchange({ name: role, env: { ...env, ROLES: role }, build });
  const [bucket, merger, gateway] = [await part('bucket'), await part('merger'), await part('gateway')];
  const ports = { postPort: bucket.port, streamPort: gateway.port };

  async function figure(): Promise<Cost> {
    // One second more than is measured: it is there before and after.
    const load: LatencyLoad = { ...ports, channels: CHANNELS, rate: perS, warmUpS: WARM_UP_S, seconds: seconds + 1 };
    const sending =
      perS > 0 && promisify(execFile)(process.execPath, ['--import', 'tsx', client, JSON.stringify(load)]);
    if (sending) await sleep(WARM_UP_S * 1000);
    const before = [redis.cpuS(), merger.cpuS()] as const;
    const beganMs = performance.now();
    await sleep(seconds * 1000);
    const elapsedS = (performance.now() - beganMs) / 1000;
    const cost = { redis: (redis.cpuS() - before[0]) / elapsedS, merger: (merger.cpuS() - before[1]) / elapsedS };
    await sending;
    return cost;
  }

  async function stop(): Promise<void> {
    for (const each of [gateway, bucket, merger, redis]) await each.stop();
  }

  await sleep(REST_S * 1000);
  // Not counted: code is compiled.
  if (perS > 0) await figure();
  return { figure, stop };
}

const rows: string[][] = [];
for (const shards of SHARDS) {
  for (const perS of [0, rate]) {
    const sides = [
      { name: commit, open: () => open(former, shards, perS) },
      { name: 'this head', open: () => open(undefined, shards, perS) },
    ];
    const tell = ({ redis, merger }: Cost) => `Redis ${redis.toFixed(4)}, merger ${merger.toFixed(4)}`;
    const [before, now] = (await inTurn(`${shards} shards, ${perS}/s`, sides, { rounds, tell })) as [Cost[], Cost[]];
    for (const part of ['redis', 'merger'] as const) {
      const of = (side: readonly Cost[]) => written(spreadOf(side.map((cost) => cost[part])), 4);
      const ratio = spreadOf(now.map((cost, i) => cost[part] / before[i]![part]));
      rows.push([String(shards), `${perS}/s`, part, of(before), of(now), written(ratio, 2)]);
    }
  }
}

publish(
  'shards',
  `What shards cost, this head beside ${commit}`,
  [
    `${rounds} rounds of ${seconds} s in turn; cores in use, median (min–max). Bucket, merger and gateway apart, Redis without AOF,`,
    `one stream on each of ${CHANNELS} channels while changes come.`,
    '',
    table(['shards', 'changes', 'of', commit, 'this head', 'now ÷ before, within a round'], rows),
  ].join('\n'),
);

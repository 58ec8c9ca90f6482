/**
 * What shards cost: the CPU of Redis and of the merger with few and with many shards, idle and at a steady rate, of this head
 * beside a former commit.
 *
 * Why this is a valid comparison: bucket, merger and gateway are processes of their own with a Redis of their own, made anew for
 * each figure; both heads take turns within a round, the first of them changes with every round, and the ratio is taken within
 * a round. CPU seconds are the kernel's, read when the parts have come to rest and again so many seconds later.
 *
 * BENCH_BEFORE is the commit, the one before this unless it is given.
 *
 * npm run bench -- shards [--rounds 3] [--seconds 10] [--rate 1000]
 */
import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { buildOf } from './former-build.ts';
import type { LatencyLoad } from './latency-client.ts';
import { startSmallchange } from './measured.ts';
import { numbersOf } from './options.ts';
import { startRedis } from './redis.ts';
import { publish, spreadOf, table, written } from './report.ts';

const { rounds, seconds, rate } = numbersOf({ rounds: 3, seconds: 10, rate: 1000 });
const commit = process.env.BENCH_BEFORE ?? 'HEAD~1';
const SHARDS = [16, 64] as const;
const CHANNELS = 200;
/** Connections, a roll call and the first looks are over, and code is compiled. */
const REST_S = 3;
const client = new URL('latency-client.ts', import.meta.url).pathname;

/** Cores in use: 1 is one core all the time. */
interface Cost {
  readonly redis: number;
  readonly merger: number;
}

const heads: readonly (string | undefined)[] = [buildOf(commit), undefined];

async function costOf(build: string | undefined, shards: number, perS: number): Promise<Cost> {
  const redis = await startRedis('off');
  const env = { REDIS_URL: redis.url, SHARDS: String(shards) };
  const part = (role: string) => startSmallchange({ name: role, env: { ...env, ROLES: role }, build });
  const [bucket, merger, gateway] = [await part('bucket'), await part('merger'), await part('gateway')];
  try {
    const ports = { postPort: bucket.port, streamPort: gateway.port };
    const load: LatencyLoad = { ...ports, channels: CHANNELS, rate: perS, warmUpS: REST_S, seconds: seconds + REST_S };
    const sending =
      perS > 0 ? promisify(execFile)(process.execPath, ['--import', 'tsx', client, JSON.stringify(load)]) : null;
    await sleep(2 * REST_S * 1000);
    const before = [redis.cpuS(), merger.cpuS()] as const;
    const beganMs = performance.now();
    await sleep(seconds * 1000);
    const elapsedS = (performance.now() - beganMs) / 1000;
    const cost = { redis: (redis.cpuS() - before[0]) / elapsedS, merger: (merger.cpuS() - before[1]) / elapsedS };
    await sending;
    return cost;
  } finally {
    for (const each of [gateway, bucket, merger, redis]) await each.stop();
  }
}

const rows: string[][] = [];
for (const shards of SHARDS) {
  for (const perS of [0, rate]) {
    const costs = heads.map(() => [] as Cost[]);
    for (let round = 1; round <= rounds; round++) {
      for (const i of round % 2 === 1 ? [0, 1] : [1, 0]) costs[i]!.push(await costOf(heads[i], shards, perS));
      const told = costs.map((of) => `Redis ${of.at(-1)!.redis.toFixed(4)}, merger ${of.at(-1)!.merger.toFixed(4)}`);
      console.log(`round ${round}: ${shards} shards, ${perS}/s: ${commit}: ${told[0]}; this head: ${told[1]}`);
    }
    const [before, now] = costs as [Cost[], Cost[]];
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

/**
 * From POST to 204 and from POST to the event on a stream, at 2,000 changes a second, in the same run.
 *
 * Why this is valid: bucket, merger and gateway are three processes with a Redis between them, as in a fleet; the load is
 * open: changes are sent on a schedule whether or not those before were answered, so a server that stalls is
 * charged for all that fell due meanwhile. One process sends and receives, so one clock measures. Both figures are of the
 * very same changes. The first columns count from the moment of sending; "from schedule" from when the change was
 * due, which has the lateness of the client in it, on both sides of a ratio. Every change must be answered with 204
 * and come out, or the run fails. With all of it on two cores, the tail is mostly processes waiting for each other.
 *
 * npm run bench -- latency [--rounds 3] [--seconds 20] [--rate 2000] [--channels 1000] [--aof off,always]
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { type FsyncTime, fsyncSentence, measureFsync } from './fsync.ts';
import type { LatencyLoad, LatencyResult, Quantiles } from './latency-client.ts';
import { startSmallchange } from './measured.ts';
import { numbersAndAof } from './options.ts';
import { type AofMode, startRedis } from './redis.ts';
import { publish, spreadOf, table, written } from './report.ts';

const options = numbersAndAof({ rounds: 3, seconds: 20, rate: 2000, channels: 1000 }, 'off,always');
const { rounds, seconds, rate, channels, aof: modes } = options;
const WARM_UP_S = 3;
const client = new URL('latency-client.ts', import.meta.url).pathname;
const fsyncs: FsyncTime[] = [];

async function measure(aof: AofMode): Promise<LatencyResult> {
  const redis = await startRedis(aof);
  const part = (role: string) => startSmallchange({ name: role, env: { ROLES: role, REDIS_URL: redis.url } });
  const [bucket, merger, gateway] = [await part('bucket'), await part('merger'), await part('gateway')];
  const load: LatencyLoad = {
    postPort: bucket.port,
    streamPort: gateway.port,
    channels,
    rate,
    warmUpS: WARM_UP_S,
    seconds,
  };
  try {
    const run = promisify(execFile);
    const { stdout } = await run(process.execPath, ['--import', 'tsx', client, JSON.stringify(load)]);
    const result = JSON.parse(stdout.trim().split('\n').at(-1)!) as LatencyResult;
    if (result.lost > 0) throw new Error(`${result.lost} answers or events did not come`);
    if (aof === 'always') fsyncs.push(measureFsync(redis.dir));
    return result;
  } finally {
    for (const part of [gateway, bucket, merger, redis]) await part.stop();
  }
}

const sides = modes.map((aof) => ({ aof, done: [] as LatencyResult[] }));
for (let round = 1; round <= rounds; round++) {
  for (const { aof, done } of sides) {
    const result = await measure(aof);
    done.push(result);
    const of = ({ p50, p99 }: Quantiles) => `p50 ${p50.toFixed(2)} p99 ${p99.toFixed(2)} ms`;
    console.log(`round ${round}, AOF ${aof}: POST → 204 ${of(result.post)}; POST → SSE ${of(result.sse)}`);
  }
}

const rows = sides.flatMap(({ aof, done }) =>
  (['', 'Scheduled'] as const).map((from) => {
    const post = done.map((result) => result[`post${from}`]);
    const sse = done.map((result) => result[`sse${from}`]);
    const of = (values: readonly number[]) => written(spreadOf(values), 2);
    return [
      aof,
      from === '' ? 'sent' : 'schedule',
      of(post.map(({ p50 }) => p50)),
      of(post.map(({ p99 }) => p99)),
      of(sse.map(({ p50 }) => p50)),
      of(sse.map(({ p99 }) => p99)),
      of(sse.map(({ p50 }, i) => p50 / post[i]!.p50)),
      of(sse.map(({ p99 }, i) => p99 / post[i]!.p99)),
      of(done.map(({ cpuShare }) => cpuShare)),
    ];
  }),
);
const head = ['AOF', 'from', 'POST → 204 p50', 'p99', 'POST → SSE p50', 'p99', 'p50 ratio', 'p99 ratio', 'client CPU'];
publish(
  'latency',
  'Latency at a steady rate',
  [
    `${rate} changes/s over ${channels} channels, a stream on each, Redis, three processes; ${rounds} rounds of ${seconds} s`,
    'in turn; milliseconds, median (min–max) over the rounds. Nothing was lost.',
    fsyncs[0] ? fsyncSentence(fsyncs[0]) : '',
    '',
    table(head, rows),
  ].join('\n'),
);

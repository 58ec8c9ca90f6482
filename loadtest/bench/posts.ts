/**
 * POSTs per second: ours, in Redis before the 204, beside the same fastify storing nothing.
 *
 * Why this is a valid comparison: both servers are one Node process, get the same requests from the same generator, and run in
 * turn in one run on one machine, several rounds; the ratio is taken within a round, so that a slow minute hits both.
 * The merger does not run: this is the bucket's own ceiling. After each round the inboxes are emptied by a new Redis.
 *
 * node --import tsx loadtest/bench/posts.ts [--rounds 5] [--seconds 5] [--aof off|everysec|always]
 */
import { parseArgs } from 'node:util';
import { generate, type LoadResult } from './generator.ts';
import { type AofMode, startOther, startRedis, startSmallchange } from './process.ts';
import { publish, spreadOf, table, written } from './report.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '5' },
    aof: { type: 'string', default: 'off' },
  },
});
const rounds = Number(values.rounds);
const seconds = Number(values.seconds);
const aof = values.aof as AofMode;
const load = { connections: 64, channels: 1000 };

interface Round extends LoadResult {
  readonly serverCpu: number;
  readonly redisCpu: number;
}

async function ours(): Promise<Round> {
  const redis = await startRedis(aof);
  const bucket = await startSmallchange({ ROLES: 'bucket', REDIS_URL: redis.url, INBOX_MAX_ENTRIES: '10000000' });
  try {
    await generate({ ...load, port: bucket.port, seconds: 1 });
    const before = { bucket: bucket.cpuS(), redis: redis.cpuS() };
    const result = await generate({ ...load, port: bucket.port, seconds });
    const serverCpu = (bucket.cpuS() - before.bucket) / seconds;
    return { ...result, serverCpu, redisCpu: (redis.cpuS() - before.redis) / seconds };
  } finally {
    await bucket.stop();
    await redis.stop();
  }
}

async function nothing(): Promise<Round> {
  const server = await startOther('fastify-nothing');
  try {
    await generate({ ...load, port: server.port, seconds: 1 });
    const before = server.cpuS();
    const result = await generate({ ...load, port: server.port, seconds });
    return { ...result, serverCpu: (server.cpuS() - before) / seconds, redisCpu: 0 };
  } finally {
    await server.stop();
  }
}

const done: { ours: Round; nothing: Round }[] = [];
for (let round = 1; round <= rounds; round++) {
  const pair = { nothing: await nothing(), ours: await ours() };
  done.push(pair);
  console.log(
    `round ${round}: nothing ${Math.round(pair.nothing.requestsPerS)}/s, ours ${Math.round(pair.ours.requestsPerS)}/s,`,
    `ratio ${(pair.ours.requestsPerS / pair.nothing.requestsPerS).toFixed(3)}`,
  );
}

const row = (name: string, of: readonly Round[]) => [
  name,
  written(spreadOf(of.map((r) => r.requestsPerS))),
  written(spreadOf(of.map((r) => r.p50Ms)), 2),
  written(spreadOf(of.map((r) => r.p99Ms)), 2),
  written(spreadOf(of.map((r) => r.serverCpu)), 2),
  written(spreadOf(of.map((r) => r.redisCpu)), 2),
  written(spreadOf(of.map((r) => r.cpuShare)), 2),
  String(of.reduce((sum, r) => sum + r.errors, 0)),
];
const ratio = spreadOf(done.map((pair) => pair.ours.requestsPerS / pair.nothing.requestsPerS));
publish(
  `posts-aof-${aof}`,
  'POSTs per second',
  [
    `${load.connections} keep-alive connections, 1 byte each to ${load.channels} channels, 16 shards, no merger running,`,
    `Redis AOF ${aof}, generator ${done[0]!.ours.generator}, ${rounds} rounds of ${seconds} s in turn; median (min–max).`,
    '',
    table(
      ['server', 'POST/s', 'p50 ms', 'p99 ms', 'server CPU', 'Redis CPU', 'generator CPU', 'errors'],
      [
        row(
          'fastify, nothing stored',
          done.map((p) => p.nothing),
        ),
        row(
          'smallchange, in Redis before the 204',
          done.map((p) => p.ours),
        ),
      ],
    ),
    '',
    `Ratio within a round: **${written(ratio, 3)}**. CPU in cores; a generator near 1.00 was itself the limit.`,
  ].join('\n'),
);

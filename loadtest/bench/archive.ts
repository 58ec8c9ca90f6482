/**
 * How fast an archiver moves what waits in Redis to Postgres, and what those who send and receive notice of it.
 *
 * Why this is valid: everything that waits was merged before it begins, so the time is that of reading, writing and marking alone; Postgres has
 * `fsync` and `synchronous_commit` on. Bucket, merger, gateway and archiver are processes of their own. The latency of changes
 * is measured by an open load, without the archiver and while it works; with all of it on two cores, the tail is mostly processes
 * waiting for each other.
 *
 * npm run bench -- archive [--rounds 3] [--events 500000] [--channels 200] [--bytes 1] [--rate 200] [--seconds 5]
 */
import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { request } from 'undici';
import { startPostgres } from '../../test/support/postgres-server.ts';
import type { LatencyLoad, LatencyResult } from './latency-client.ts';
import { startSmallchange } from './measured.ts';
import { numbersOf } from './options.ts';
import type { Running } from './process.ts';
import { startRedis } from './redis.ts';
import { publish, spreadOf, table, written } from './report.ts';

const { rounds, events, channels, bytes, rate, seconds } = numbersOf({
  ...{ rounds: 3, events: 500_000, channels: 200, bytes: 1, rate: 200, seconds: 5 },
});

const BATCH = 100;
const SENDERS = 8;
const SHARDS = 16;
const WARM_UP_S = 1;
const LOOK_MS = 20;
const client = new URL('latency-client.ts', import.meta.url).pathname;

interface Figures {
  readonly perS: number;
  readonly archiverCpu: number;
  readonly quiet: LatencyResult;
  readonly meanwhile: LatencyResult;
}

async function metric({ port }: Running, name: string): Promise<number> {
  const { body } = await request(`http://127.0.0.1:${port}/metrics`);
  return Number(new RegExp(`^smallchange_${name}(?:\\{[^}]*\\})? (\\S+)$`, 'm').exec(await body.text())?.[1] ?? 0);
}

async function until(isTrue: () => Promise<boolean>): Promise<void> {
  while (!(await isTrue())) await sleep(LOOK_MS);
}

async function fill(bucket: Running): Promise<void> {
  const line = `${JSON.stringify('x'.repeat(bytes))}\n`;
  let left = Math.ceil(events / BATCH);
  const send = async (sender: number) => {
    for (let seq = 1; left-- > 0; seq += BATCH) {
      const path = `/c/fill${left % channels}?batch=1&from=s${sender}.bench&seq=${seq}`;
      const answer = await request(`http://127.0.0.1:${bucket.port}${path}`, {
        method: 'POST',
        body: line.repeat(BATCH),
      });
      await answer.body.dump();
      if (answer.statusCode !== 204) throw new Error(`${answer.statusCode}`);
    }
  };
  await Promise.all(Array.from({ length: SENDERS }, (_, i) => send(i)));
}

async function latency(bucket: Running, gateway: Running, s: number): Promise<LatencyResult> {
  const load: LatencyLoad = {
    ...{ postPort: bucket.port, streamPort: gateway.port, channels: 50, rate, warmUpS: WARM_UP_S, seconds: s },
  };
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', client, JSON.stringify(load)]);
  return JSON.parse(stdout.trim().split('\n').at(-1)!) as LatencyResult;
}

async function measure(): Promise<Figures> {
  const redis = await startRedis('off');
  const postgres = await startPostgres({ fsync: true });
  const env = {
    REDIS_URL: redis.url,
    SHARDS: `${SHARDS}`,
    INBOX_MAX_ENTRIES: '10000000',
    MAX_POSTS_PER_S_PER_ADDRESS: '0',
  };
  const ofArchive = { DATABASE_URL: postgres.url, ARCHIVE_MIGRATE: '1', ARCHIVE_BACKLOG_MAX_BYTES: `${1 << 30}` };
  const startOne = (role: string, more = {}) => startSmallchange({ name: role, env: { ...env, ...more, ROLES: role } });
  const parts = [await startOne('bucket'), await startOne('merger'), await startOne('gateway')] as const;
  const [bucket, merger, gateway] = parts;
  let archiver = await startOne('archiver', ofArchive);
  try {
    await until(async () => (await metric(archiver, 'archived_shards')) === SHARDS);
    await archiver.stop();
    await fill(bucket);
    await until(async () => (await metric(merger, 'events_merged_total')) >= events);
    const quiet = await latency(bucket, gateway, seconds);
    archiver = await startOne('archiver', ofArchive);
    const beganMs = performance.now();
    const cpuS = archiver.cpuS();
    const measured = latency(bucket, gateway, seconds);
    await until(async () => (await metric(archiver, 'events_archived_total')) >= events);
    const tookS = (performance.now() - beganMs) / 1_000;
    return {
      perS: events / tookS,
      archiverCpu: (archiver.cpuS() - cpuS) / tookS,
      quiet,
      meanwhile: await measured,
    };
  } finally {
    for (const part of [...parts, archiver]) await part.stop();
    await postgres.stop();
    await redis.stop();
  }
}

const done: Figures[] = [];
for (let round = 1; round <= rounds; round++) {
  const figures = await measure();
  done.push(figures);
  const { perS, archiverCpu, quiet, meanwhile } = figures;
  console.log(
    `round ${round}: ${perS.toFixed()} events/s at ${archiverCpu.toFixed(2)} cores; POST → SSE p99 ${quiet.sse.p99.toFixed(2)} ms, meanwhile ${meanwhile.sse.p99.toFixed(2)} ms`,
  );
}
const of = (figure: (one: Figures) => number, digits: number) => written(spreadOf(done.map(figure)), digits);
publish(
  'archive',
  'Redis to Postgres, by one archiver',
  [
    `${rounds} rounds, each with ${events.toLocaleString('en')} events of ${bytes} bytes in ${channels} channels, ${SHARDS} shards; changes meanwhile: ${rate}/s. Median (min–max).`,
    '',
    table(
      ['', ''],
      [
        ['events/s', of(({ perS }) => perS, 0)],
        ['cores that the archiver takes', of(({ archiverCpu }) => archiverCpu, 2)],
        ['POST → SSE p99 without it, ms', of(({ quiet }) => quiet.sse.p99, 2)],
        ['POST → SSE p99 meanwhile, ms', of(({ meanwhile }) => meanwhile.sse.p99, 2)],
        ['ratio of the two', of(({ quiet, meanwhile }) => meanwhile.sse.p99 / quiet.sse.p99, 2)],
      ],
    ),
  ].join('\n'),
);

/** Bucket, merger, gateway and archiver as processes of their own, with a Redis and a Postgres that keeps what it confirms: for benchmarks. */
import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { request } from 'undici';
import { type PostgresServer, startPostgres } from '../../test/support/postgres-server.ts';
import { runOn, startedOn } from './cores.ts';
import type { LatencyLoad, LatencyResult } from './latency-client.ts';
import { startSmallchange } from './measured.ts';
import type { Running } from './process.ts';
import { startRedis } from './redis.ts';

export interface ArchiveFleet {
  readonly postgres: PostgresServer;
  /** Resolves when it has all shards. */
  startArchiver(): Promise<Running>;
  /** Sends so many changes, 100 in a batch; resolves when they are merged. */
  fill(events: number, channels: number, bytes: number): Promise<void>;
  /** From POST to 204, and to the event on a stream, of changes that are sent on a schedule. */
  latency(rate: number, seconds: number): Promise<LatencyResult>;
  /** Events that there are, to be archived. */
  merged(): Promise<number>;
  redisBytes(): Promise<number>;
  stop(): Promise<void>;
}

const BATCH = 100;
const SENDERS = 8;
const SHARDS = 16;
const WARM_UP_S = 1;
const LOOK_MS = 20;
/** Of those who serve, and of the archiver and its database, where they are apart. */
const [SERVING, ARCHIVING] = [0, 1];
const client = new URL('latency-client.ts', import.meta.url).pathname;

export async function metricOf({ port }: Running, name: string): Promise<number> {
  const { body } = await request(`http://127.0.0.1:${port}/metrics`);
  const found = (await body.text()).matchAll(new RegExp(`^smallchange_${name}(?:\\{[^}]*\\})? (\\S+)$`, 'gm'));
  return Array.from(found, ([, value]) => Number(value)).reduce((sum, value) => sum + value, 0);
}

export async function until(isTrue: () => Promise<boolean>): Promise<void> {
  while (!(await isTrue())) await sleep(LOOK_MS);
}

/**
 * @param backlogMaxBytes Of each shard.
 * @param isApart Whether the archiver and its database have a core of their own, and all others the other one.
 */
export async function startArchiveFleet(backlogMaxBytes: number, isApart = false): Promise<ArchiveFleet> {
  if (isApart) runOn(SERVING);
  const archiving = <T>(start: () => Promise<T>) => (isApart ? startedOn(ARCHIVING, SERVING, start) : start());
  const redis = await startRedis('off');
  const postgres = await archiving(() => startPostgres({ fsync: true }));
  const env = {
    REDIS_URL: redis.url,
    SHARDS: `${SHARDS}`,
    INBOX_MAX_ENTRIES: '10000000',
    MAX_POSTS_PER_S_PER_ADDRESS: '0',
  };
  const ofArchive = {
    ...{ DATABASE_URL: postgres.url, ARCHIVE_MIGRATE: '1', ARCHIVE_BACKLOG_MAX_BYTES: `${backlogMaxBytes}` },
    LOG_LEVEL: 'silent',
  };
  const startOne = (role: string, more = {}) => startSmallchange({ name: role, env: { ...env, ...more, ROLES: role } });
  const parts = [await startOne('bucket'), await startOne('merger'), await startOne('gateway')] as const;
  const [bucket, merger, gateway] = parts;
  const archivers: Running[] = [];
  let filled = 0;

  return {
    postgres,
    async startArchiver() {
      const archiver = await archiving(() => startOne('archiver', ofArchive));
      archivers.push(archiver);
      await until(async () => (await metricOf(archiver, 'archived_shards')) === SHARDS);
      return archiver;
    },
    async fill(events, channels, bytes) {
      const line = `${JSON.stringify('x'.repeat(bytes))}\n`;
      const before = await metricOf(merger, 'events_merged_total');
      let left = Math.ceil(events / BATCH);
      const send = async (sender: number) => {
        for (let seq = 1; left-- > 0; seq += BATCH) {
          const path = `/c/fill${left % channels}?batch=1&from=s${sender}.${filled}&seq=${seq}`;
          const answer = await request(`http://127.0.0.1:${bucket.port}${path}`, {
            method: 'POST',
            body: line.repeat(BATCH),
          });
          await answer.body.dump();
          if (answer.statusCode !== 204) throw new Error(`a batch was answered ${answer.statusCode}`);
        }
      };
      filled++;
      await Promise.all(Array.from({ length: SENDERS }, (_, i) => send(i)));
      await until(async () => (await metricOf(merger, 'events_merged_total')) >= before + events);
    },
    async latency(rate, seconds) {
      const load: LatencyLoad = {
        ...{ postPort: bucket.port, streamPort: gateway.port, channels: 50, rate, warmUpS: WARM_UP_S, seconds },
      };
      const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', client, JSON.stringify(load)]);
      const result = JSON.parse(stdout.trim().split('\n').at(-1)!) as LatencyResult;
      if (result.lost > 0) throw new Error(`${result.lost} answers or events did not come`);
      return result;
    },
    merged: () => metricOf(merger, 'events_merged_total'),
    redisBytes: () => redis.usedBytes(),
    async stop() {
      for (const part of [...archivers, ...parts]) await part.stop();
      await postgres.stop();
      await redis.stop();
    },
  };
}

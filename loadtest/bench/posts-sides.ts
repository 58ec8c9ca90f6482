/** The sides of the benchmark of POSTs: what is started for each, and what is read off it beside the generator's figures. */
import { setTimeout as sleep } from 'node:timers/promises';
import { request } from 'undici';
import { type FsyncTime, measureFsync } from './fsync.ts';
import { generate, type LoadResult } from './generator.ts';
import { type Build, startOther, startSmallchange } from './measured.ts';
import { startNchan } from './nchan.ts';
import type { Running } from './process.ts';
import { type AofMode, type RedisRunning, startRedis } from './redis.ts';

export interface Round extends LoadResult {
  /** What is compared: POSTs answered a second; where there is a merger, changes committed a second. */
  readonly perS: number;
  readonly serverCpu: number;
  readonly mergerCpu: number;
  readonly redisCpu: number;
  /** Changes in the inbox when the load began and when it ended. */
  readonly inbox: readonly [number, number];
  readonly fsync: FsyncTime | null;
}

/** A side that runs, warm: one figure after the other may be taken of it. */
export interface Opened {
  /** Ends when what was sent is merged, where there is a merger; that time is not measured. */
  measure(seconds: number): Promise<Round>;
  stop(): Promise<void>;
}

export interface Side {
  readonly name: string;
  open(aof: AofMode): Promise<Opened>;
  /** Opened for one figure. */
  run(seconds: number, aof: AofMode): Promise<Round>;
}

export const load = { connections: 64, channels: 1000 };
const WARM_UP_S = 1;
const MERGED_MAX_MS = 60_000;
const LOOK_MS = 20;
/** Far above what a round accepts: an inbox that fills up would answer 503, and answers of that kind are cheap. */
const INBOX_MAX_ENTRIES = '10000000';

interface Parts {
  /** That every request brings. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly server: Running;
  readonly redis?: RedisRunning;
  readonly merger?: Running;
}

function sideOf(name: string, start: (aof: AofMode) => Promise<Parts>): Side {
  async function open(aof: AofMode): Promise<Opened> {
    const parts = await start(aof);
    const stop = () => stopAll(parts);
    try {
      await measure(parts, WARM_UP_S, aof);
    } catch (error) {
      await stop();
      throw error;
    }
    return { measure: (seconds) => measure(parts, seconds, aof), stop };
  }
  return {
    name,
    open,
    async run(seconds, aof) {
      const opened = await open(aof);
      try {
        return await opened.measure(seconds);
      } finally {
        await opened.stop();
      }
    },
  };
}

async function stopAll({ server, merger, redis }: Parts): Promise<void> {
  await server.stop();
  await merger?.stop();
  await redis?.stop();
}

async function measure(parts: Parts, seconds: number, aof: AofMode): Promise<Round> {
  const { server, redis, merger, headers } = parts;
  const inboxBefore = (await redis?.inboxEntries()) ?? 0;
  const mergedBefore = merger ? await mergedBy(merger) : 0;
  const cpu = () => [server.cpuS(), merger?.cpuS() ?? 0, redis?.cpuS() ?? 0] as const;
  const before = cpu();
  const startedMs = performance.now();
  const result = await generate({
    ...load,
    port: server.port,
    path: server.paths.publish,
    headers: headers ?? {},
    seconds,
  });
  const elapsedS = (performance.now() - startedMs) / 1000;
  if (result.errors > 0) throw new Error(`${server.name}: ${result.errors} POSTs failed`);
  const after = cpu();
  const merged = merger ? (await mergedBy(merger)) - mergedBefore : 0;
  const [serverCpu, mergerCpu, redisCpu] = after.map((value, i) => (value - before[i]!) / elapsedS);
  const round: Round = {
    ...result,
    perS: merger ? merged / elapsedS : result.requestsPerS,
    serverCpu: serverCpu!,
    mergerCpu: mergerCpu!,
    redisCpu: redisCpu!,
    inbox: [inboxBefore, (await redis?.inboxEntries()) ?? 0],
    fsync: redis && aof === 'always' ? measureFsync(redis.dir) : null,
  };
  if (merger) await allMerged(redis!);
  return round;
}

async function allMerged(redis: RedisRunning): Promise<void> {
  const untilMs = performance.now() + MERGED_MAX_MS;
  while ((await redis.inboxEntries()) > 0) {
    if (performance.now() > untilMs) throw new Error(`not merged within ${MERGED_MAX_MS} ms`);
    await sleep(LOOK_MS);
  }
}

/** Changes that became events and were published: one commit does both. */
async function mergedBy(merger: Running): Promise<number> {
  const { body } = await request(`http://127.0.0.1:${merger.port}/metrics`);
  const text = await body.text();
  return Number(/^smallchange_events_merged_total\{outcome="event"\} (\S+)$/m.exec(text)?.[1]);
}

export const nothing: Side = sideOf('fastify, nothing stored', async () => ({
  server: await startOther('fastify-nothing'),
}));

/** Who may send: settings of the server, and the fields that every request brings. */
export interface Asked {
  readonly env?: Readonly<Record<string, string>>;
  readonly brings?: ((server: Running) => Promise<Readonly<Record<string, string>>>) | undefined;
}

/** @param build Another than ours. */
export function bucketAloneOf(name: string, build?: Build, { env: more, brings }: Asked = {}): Side {
  return sideOf(name, async (aof) => {
    const redis = await startRedis(aof);
    const env = { ROLES: 'bucket', REDIS_URL: redis.url, INBOX_MAX_ENTRIES, ...more };
    const server = await startSmallchange({ env, build });
    return { server, redis, headers: await brings?.(server) };
  });
}

export function pipelineOf(name: string, build?: Build): Side {
  return sideOf(name, async (aof) => {
    const redis = await startRedis(aof);
    const env = { REDIS_URL: redis.url, INBOX_MAX_ENTRIES };
    const merger = await startSmallchange({ name: 'merger', env: { ...env, ROLES: 'merger' }, build });
    const server = await startSmallchange({ env: { ...env, ROLES: 'bucket' }, build });
    return { server, redis, merger };
  });
}

export const bucketAlone: Side = bucketAloneOf('smallchange, in Redis before the 204');
export const pipeline: Side = pipelineOf('smallchange, accepted, merged and published');

export const nchanWithRedis: Side = sideOf('Nchan with Redis', async (aof) => {
  const redis = await startRedis(aof);
  return { server: await startNchan(redis.port), redis };
});

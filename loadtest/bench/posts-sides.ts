/** The sides of the benchmark of POSTs: what is started for each, and what is read off it beside the generator's figures. */
import { request } from 'undici';
import { type FsyncTime, measureFsync } from './fsync.ts';
import { generate, type LoadResult } from './generator.ts';
import { startOther, startSmallchange } from './measured.ts';
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

export interface Side {
  readonly name: string;
  run(seconds: number, aof: AofMode): Promise<Round>;
}

export const load = { connections: 64, channels: 1000 };
const WARM_UP_S = 1;
/** Far above what a round accepts: an inbox that fills up would answer 503, and answers of that kind are cheap. */
const INBOX_MAX_ENTRIES = '10000000';

interface Parts {
  readonly brings?: Asked['brings'];
  readonly server: Running;
  readonly redis?: RedisRunning;
  readonly merger?: Running;
}

async function measure(parts: Parts, seconds: number, aof: AofMode): Promise<Round> {
  const { server, redis, merger, brings } = parts;
  try {
    const headers = (await brings?.(server)) ?? {};
    const against = { ...load, port: server.port, path: server.paths.publish, headers };
    await generate({ ...against, seconds: WARM_UP_S });
    const inboxBefore = (await redis?.inboxEntries()) ?? 0;
    const mergedBefore = merger ? await mergedBy(merger) : 0;
    const cpu = () => [server.cpuS(), merger?.cpuS() ?? 0, redis?.cpuS() ?? 0] as const;
    const before = cpu();
    const startedMs = performance.now();
    const result = await generate({ ...against, seconds });
    const elapsedS = (performance.now() - startedMs) / 1000;
    if (result.errors > 0) throw new Error(`${server.name}: ${result.errors} POSTs failed`);
    const after = cpu();
    const merged = merger ? (await mergedBy(merger)) - mergedBefore : 0;
    const [serverCpu, mergerCpu, redisCpu] = after.map((value, i) => (value - before[i]!) / elapsedS);
    return {
      ...result,
      perS: merger ? merged / elapsedS : result.requestsPerS,
      serverCpu: serverCpu!,
      mergerCpu: mergerCpu!,
      redisCpu: redisCpu!,
      inbox: [inboxBefore, (await redis?.inboxEntries()) ?? 0],
      fsync: redis && aof === 'always' ? measureFsync(redis.dir) : null,
    };
  } finally {
    await server.stop();
    await merger?.stop();
    await redis?.stop();
  }
}

/** Changes that became events and were published: one commit does both. */
async function mergedBy(merger: Running): Promise<number> {
  const { body } = await request(`http://127.0.0.1:${merger.port}/metrics`);
  const text = await body.text();
  return Number(/^smallchange_events_merged_total\{outcome="event"\} (\S+)$/m.exec(text)?.[1]);
}

export const nothing: Side = {
  name: 'fastify, nothing stored',
  run: async (seconds, aof) => measure({ server: await startOther('fastify-nothing') }, seconds, aof),
};

/** Who may send: settings of the server, and the fields that every request brings. */
export interface Asked {
  readonly env?: Readonly<Record<string, string>>;
  readonly brings?: ((server: Running) => Promise<Readonly<Record<string, string>>>) | undefined;
}

/** @param build The folder of another build than ours. */
export function bucketAloneOf(name: string, build?: string, { env: more, brings }: Asked = {}): Side {
  return {
    name,
    async run(seconds, aof) {
      const redis = await startRedis(aof);
      const env = { ROLES: 'bucket', REDIS_URL: redis.url, INBOX_MAX_ENTRIES, ...more };
      return measure({ server: await startSmallchange({ env, build }), redis, brings }, seconds, aof);
    },
  };
}

export function pipelineOf(name: string, build?: string): Side {
  return {
    name,
    async run(seconds, aof) {
      const redis = await startRedis(aof);
      const env = { REDIS_URL: redis.url, INBOX_MAX_ENTRIES };
      const merger = await startSmallchange({ name: 'merger', env: { ...env, ROLES: 'merger' }, build });
      const server = await startSmallchange({ env: { ...env, ROLES: 'bucket' }, build });
      return measure({ server, redis, merger }, seconds, aof);
    },
  };
}

export const bucketAlone: Side = bucketAloneOf('smallchange, in Redis before the 204');
export const pipeline: Side = pipelineOf('smallchange, accepted, merged and published');

export const nchanWithRedis: Side = {
  name: 'Nchan with Redis',
  async run(seconds, aof) {
    const redis = await startRedis(aof);
    const server = await startNchan(redis.port);
    return measure({ server, redis }, seconds, aof);
  },
};

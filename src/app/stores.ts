/** What a process keeps its things in: which implementation is behind a contract, and what it is opened with. */
import { createDiskPasses } from '../access/sessions/disk-store.ts';
import type { PassStore } from '../access/sessions/pass-store.ts';
import { createRedisPasses, redisPassNeeds } from '../access/sessions/redis-store.ts';
import type { Archive, ArchiveReader, ArchiveSource } from '../archive/archive.ts';
import { boxArchive } from '../archive/box.ts';
import { openPostgres } from '../archive/postgres/archive.ts';
import { createRetention } from '../archive/retention.ts';
import { awaitEngine } from '../await-engine.ts';
import { systemClock } from '../clock.ts';
import type { Config } from '../config.ts';
import { createDurableEngine } from '../engine/durable/engine.ts';
import type { Engine, EngineOptions } from '../engine/engine.ts';
import { createMemoryEngine } from '../engine/memory/engine.ts';
import { createRedisEngine } from '../engine/redis/engine.ts';
import type { Logger } from '../log.ts';

const READER_STATEMENT_MS = 2_000;
const ARCHIVER_STATEMENT_MS = 10_000;

export interface Opened {
  readonly engine: Engine;
  /** Where sessions are kept, if not in this process. */
  readonly passes?: PassStore;
  /** What it keeps behind its histories, if it does. */
  readonly deep?: ArchiveReader;
}

export async function createEngine(config: Config, log: Logger): Promise<Opened> {
  const { dataDir, redisUrl, databaseUrl } = config;
  const hasArchive = databaseUrl !== null || (redisUrl === null && dataDir !== null);
  const options: EngineOptions = { ...config, ...(hasArchive && { keptMs: createRetention(config.archiveDays).msOf }) };
  if (redisUrl === null) {
    if (dataDir === null) return { engine: createMemoryEngine(options) };
    // Where there is a database it keeps what is old.
    const engine = await createDurableEngine({ ...options, dataDir, keepsAll: databaseUrl === null });
    const passes = await createDiskPasses(engine.link);
    return engine.deep === null ? { engine, passes } : { engine, passes, deep: boxArchive(engine.deep) };
  }
  const redis = {
    ...options,
    url: redisUrl,
    mode: config.redisMode,
    sentinelMaster: config.redisSentinelMaster,
    waitReplicas: config.redisWaitReplicas,
    prefix: config.redisPrefix,
    roles: erases(config) ? [...config.roles, 'eraser' as const] : config.roles,
    ...(config.auth === 'jwt' && { guest: redisPassNeeds }),
    log,
  };
  const waiting = { clock: systemClock, log, waitMs: config.redisStartWaitMs };
  const engine = await awaitEngine(() => createRedisEngine(redis), waiting);
  return { engine, passes: createRedisPasses(engine.link) };
}

/** Whether it takes away what somebody sent: of those with a key, whoever may write into logs anyway. */
export function erases({ adminKey, roles }: Config): boolean {
  return adminKey !== null && roles.includes('merger');
}

/** Null for a process whose roles have no use for it. */
export function openArchive(config: Config): Archive | null {
  const { databaseUrl: url, archiveSchema: schema, archiveMigrate: migrates, archiveDays, shards, roles } = config;
  if (url === null || !(roles.includes('archiver') || roles.includes('gateway') || erases(config))) return null;
  // Readers wait for it; an archiver has time.
  const statementTimeoutMs = roles.includes('archiver') ? ARCHIVER_STATEMENT_MS : READER_STATEMENT_MS;
  return openPostgres({ url, schema, migrates, retention: createRetention(archiveDays), shards, statementTimeoutMs });
}

/**
 * For a merger, where its store may come back with less than is archived. Not that of other roles: who merges waits for no reader, and
 * is not kept from it by an archive that cannot be used.
 */
export function openSource(config: Config): ArchiveSource | null {
  const { databaseUrl: url, archiveSchema: schema, shards, roles, redisUrl } = config;
  if (url === null || redisUrl === null || !roles.includes('merger')) return null;
  return openPostgres({ url, schema, migrates: false, shards, statementTimeoutMs: READER_STATEMENT_MS });
}

/** What has to be true of a Redis before an engine works on it, and what an operator should know about it. */
import type { Redis } from 'ioredis';
import { EngineUnusable } from '../../errors.ts';
import { call, type EngineLog, type Reply, reasonOf } from './clients.ts';
import type { Keys } from './keys.ts';

/** SPUBLISH, and scripts with flags. */
const REDIS_MIN_MAJOR = 7;

/** Throws an EngineUnusable unless this Redis can be used for that many shards; logs how durable it is. */
export async function checkRedis(redis: Redis, keys: Keys, shards: number, log: EngineLog): Promise<void> {
  try {
    const server = infoFrom(await call(redis, 'info', []));
    const problem = serverProblem(server);
    if (problem !== undefined) throw new EngineUnusable(problem);
    const settings = await call(redis, 'config', ['get', 'appendonly', 'appendfsync', 'save', 'maxmemory-policy'])
      .then(settingsFrom)
      .catch(() => undefined);
    logDurability(server, settings, log);
    await claimShards(redis, keys, shards);
  } catch (cause) {
    if (cause instanceof EngineUnusable) throw cause;
    throw new EngineUnusable(`Redis cannot be used: ${reasonOf(cause as Error)}.`, { cause });
  }
}

/** A sentence for the operator when this server cannot be used, going by its INFO. */
export function serverProblem(info: ReadonlyMap<string, string>): string | undefined {
  const version = info.get('redis_version') ?? 'unknown';
  if (!(Number.parseInt(version, 10) >= REDIS_MIN_MAJOR)) {
    return `Redis ${REDIS_MIN_MAJOR}.0 or later is needed, and this one is ${version}.`;
  }
  if (info.get('redis_mode') === 'cluster') return 'This Redis is a node of a Cluster, and REDIS_MODE is standalone.';
  return undefined;
}

async function claimShards(redis: Redis, keys: Keys, shards: number): Promise<void> {
  await call(redis, 'set', [keys.shards, String(shards), 'NX']);
  const stored = String(await call(redis, 'get', [keys.shards]));
  if (stored === String(shards)) return;
  throw new EngineUnusable(
    `SHARDS is ${shards}, but this store was begun with ${stored} (${keys.shards}): it cannot be changed later.`,
  );
}

function logDurability(
  server: ReadonlyMap<string, string>,
  settings: ReadonlyMap<string, string> | undefined,
  log: EngineLog,
): void {
  const setting = (name: string) => settings?.get(name) ?? 'unknown';
  const [appendonly, appendfsync, save] = ['appendonly', 'appendfsync', 'save'].map(setting) as [
    string,
    string,
    string,
  ];
  const fields = { version: server.get('redis_version'), appendonly, appendfsync, save };
  log.info(fields, `Redis: ${durabilityOf(appendonly, appendfsync, save)}`);
  if (settings !== undefined && (appendonly !== 'yes' || appendfsync !== 'always')) {
    log.warn(
      fields,
      'Redis may lose changes that were answered 204: only appendonly yes with appendfsync always does not',
    );
  }
  const policy = setting('maxmemory-policy');
  if (settings !== undefined && policy !== 'noeviction') {
    log.warn({ policy }, 'Redis may evict keys when its memory is full: maxmemory-policy should be noeviction');
  }
}

/** In words, what a kill -9 or a power cut takes. */
function durabilityOf(appendonly: string, appendfsync: string, save: string): string {
  if (appendonly === 'unknown') return 'how durable it is, it does not say';
  if (appendonly !== 'yes') {
    return save === ''
      ? 'in memory alone, a crash loses everything'
      : 'snapshots, a crash loses all since the last one';
  }
  if (appendfsync === 'always') return 'appendfsync always, a crash loses nothing';
  if (appendfsync === 'everysec') return 'appendfsync everysec, a crash loses about two seconds';
  return 'appendfsync no, a crash of the machine loses what the kernel had not written';
}

function infoFrom(reply: Reply): Map<string, string> {
  const lines = String(reply).split('\r\n');
  return new Map(lines.filter((line) => line.includes(':')).map((line) => line.split(/:(.*)/s) as [string, string]));
}

function settingsFrom(reply: Reply): Map<string, string> {
  const pairs = (reply as Buffer[]).map(String);
  return new Map(Array.from({ length: pairs.length / 2 }, (_, i) => [pairs[2 * i]!, pairs[2 * i + 1]!]));
}

/**
 * The laboratory: a Redis, buckets, mergers and gateways as processes of their own, a fault proxy between each pair of
 * parts, and one address each for those who send and those who receive, so that clients fail over as they would behind a
 * load balancer. What a fault kills is started again.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { theLastRelease } from '../support/last-release.ts';
import { theProgram } from '../support/program.ts';
import { createRandom, type Random } from '../support/random.ts';
import { type Ground, type GroundNeeds, prepareGround } from './fleet/ground.ts';
import { type LabPostgres, startLabPostgres } from './fleet/postgres.ts';
import { type LabRedis, startLabRedis } from './fleet/redis.ts';
import { type Role, type RoleKind, startRole } from './fleet/role.ts';
import { type FaultProxy, startProxy } from './proxy.ts';

export interface LabOptions {
  readonly seed: number;
  /** Default 2 of each. */
  readonly counts?: Partial<Record<RoleKind, number>>;
  /** For the roles, over the lab's own. */
  readonly env?: Readonly<Record<string, string>>;
  readonly appendfsync?: 'always' | 'everysec' | 'no';
  /** What the faults of this run need of the machine. */
  readonly needs?: GroundNeeds;
  /** Gives the file to run, if not the program as one file. */
  readonly main?: () => Promise<string>;
}

export interface Lab {
  /** All of a run's files: logs and Redis' directory. */
  readonly dir: string;
  readonly redis: LabRedis;
  readonly ground: Ground;
  /** Where there is an archive. */
  readonly postgres: LabPostgres | undefined;
  readonly roles: readonly Role[];
  /** The file to run; where it was asked for. */
  readonly lastRelease: string | undefined;
  /** Between clients and servers. */
  readonly edges: Readonly<Record<'bucket' | 'gateway', FaultProxy>>;
  /** For those who send, and for those who receive. */
  readonly sendUrl: string;
  readonly receiveUrl: string;
  of(kind: RoleKind): readonly Role[];
  /** From the next connection on, all roles have another Redis: what a failover is to them. */
  moveRedis(to: LabRedis): void;
  /** Is stopped with the lab. */
  adopt(redis: LabRedis): void;
  /** Resolves when everything serves. */
  ready(): Promise<void>;
  stop(): Promise<void>;
  /** After `stop`, when there is nothing to look at any more. */
  forget(): void;
}

/** Everything quick, so that a run of a minute has many rounds of each repair; every history whole, for the checker. */
export const LAB_ENV: Readonly<Record<string, string>> = {
  SHARDS: '4',
  MERGE_LEASE_MS: '1500',
  HEARTBEAT_MS: '1000',
  HISTORY_MAX_EVENTS: '100000',
  DRAIN_MS: '500',
  REDUCERS: 'latest-*=latest,tally-*=tally,*=log',
};

/** So short that most of what is missed is in the archive alone. */
const SHORT_HISTORY = '100';

export function newRunDir(): string {
  const parent = join(tmpdir(), 'smallchange-faults');
  mkdirSync(parent, { recursive: true });
  return mkdtempSync(join(parent, 'run-'));
}

export async function startLab(options: LabOptions): Promise<Lab> {
  const { seed, counts = {}, env = {}, appendfsync = 'always', needs = {} } = options;
  const dir = newRunDir();
  const main = await (options.main ?? theProgram)();
  const lastRelease = needs.lastRelease ? await theLastRelease() : undefined;
  const ground = prepareGround(dir, needs);
  const postgres = needs.archive ? await startLabPostgres() : undefined;
  // A merger of the last release does not know that it must not trim.
  const history = postgres && !needs.lastRelease ? { HISTORY_MAX_EVENTS: SHORT_HISTORY } : {};
  const first = await startLabRedis({ dir: ground.redisDir, logDir: dir, appendfsync, ...ground.redis });
  let redis = first;
  const stores = new Set([first]);
  let seeds = seed;
  const newRandom = (): Random => createRandom(++seeds * 7_919);
  const roles: Role[] = [];
  const kinds = ['bucket', 'merger', 'gateway', ...(postgres ? (['archiver'] as const) : [])] as const;
  const wanted = kinds.flatMap((kind) => Array.from({ length: counts[kind] ?? 2 }, (_, index) => ({ kind, index })));
  for (const { kind, index } of wanted) {
    const ofArchive = kind === 'bucket' ? {} : postgres?.env;
    const roleEnv = { ...LAB_ENV, ...history, ...ofArchive, ...ground.roleEnv(`${kind}-${index}`), ...env };
    roles.push(await startRole({ kind, index, main, dir, redis: () => redis, random: newRandom(), env: roleEnv }));
  }
  await Promise.all(roles.map((role) => role.ready()));
  const of = (kind: RoleKind) => roles.filter((role) => role.kind === kind);
  const addresses = (kind: RoleKind) => () => of(kind).flatMap(({ address }) => (address ? [address] : []));
  const edges = {
    bucket: await startProxy(addresses('bucket'), newRandom()),
    gateway: await startProxy(addresses('gateway'), newRandom()),
  };
  return {
    dir,
    get redis() {
      return redis;
    },
    ground,
    postgres,
    roles,
    lastRelease,
    edges,
    sendUrl: `http://127.0.0.1:${edges.bucket.port}`,
    receiveUrl: `http://127.0.0.1:${edges.gateway.port}`,
    of,
    moveRedis(to) {
      redis = to;
    },
    adopt: (store) => void stores.add(store),
    async ready() {
      await redis.ready();
      await Promise.all(roles.map((role) => role.ready()));
    },
    async stop() {
      await Promise.all(roles.map((role) => role.stop()));
      await Promise.all(Object.values(edges).map((edge) => edge[Symbol.asyncDispose]()));
      await Promise.all(Array.from(stores, (store) => store.stop()));
      await postgres?.server.stop();
      ground.clear();
    },
    forget: () => rmSync(dir, { recursive: true, force: true }),
  };
}

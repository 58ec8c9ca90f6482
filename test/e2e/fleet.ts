/**
 * A fleet: a Redis of its own and any number of processes on it, each with one role or several, ended all together. They are of
 * the program as one file; what the build makes is what a single server is.
 */
import { type ServerEnv, type ServerProcess, startServer } from '../support/process.ts';
import { type RedisServer, type RedisSettings, startRedis } from '../support/redis-server.ts';
import { startRedisWithUsers } from '../support/redis-users.ts';

export interface FleetInit {
  /** What `ROLES` is for each process: `all`, `bucket`, `bucket,gateway` … */
  readonly roles: readonly string[];
  readonly env?: ServerEnv;
  readonly redis?: RedisSettings;
  /** Each process, of one role, is that role's user of Redis, who may do no more. */
  readonly byUsers?: boolean;
}

export interface Fleet extends AsyncDisposable {
  readonly redis: RedisServer;
  /** The processes that were started with exactly these roles, in the order of their start. */
  of(roles: string): readonly ServerProcess[];
  /** One more. */
  add(roles: string): Promise<ServerProcess>;
}

export async function startFleet({ roles, env = {}, redis: settings, byUsers }: FleetInit): Promise<Fleet> {
  const store = byUsers ? await startRedisWithUsers(settings) : undefined;
  const redis = store?.redis ?? (await startRedis(settings));
  const started: { readonly roles: string; readonly server: ServerProcess }[] = [];

  async function add(roles: string): Promise<ServerProcess> {
    const REDIS_URL = store?.urlOf(roles) ?? redis.url;
    const server = await startServer({ env: { ...env, REDIS_URL, ROLES: roles } });
    started.push({ roles, server });
    return server;
  }

  async function stop(): Promise<void> {
    await Promise.all(started.map(({ server }) => server.stop()));
    await (store ?? redis)[Symbol.asyncDispose]();
  }

  try {
    for (const each of roles) await add(each);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    redis,
    of: (roles) => started.filter((each) => each.roles === roles).map(({ server }) => server),
    add,
    [Symbol.asyncDispose]: stop,
  };
}

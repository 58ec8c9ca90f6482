/** A fleet: a Redis of its own and any number of processes on it, each with one role or several, ended all together. */
import { type ServerEnv, type ServerProcess, startServer } from '../support/process.ts';
import { type RedisServer, type RedisSettings, startRedis } from '../support/redis-server.ts';

export interface FleetInit {
  /** What `ROLES` is for each process: `all`, `bucket`, `bucket,gateway` … */
  readonly roles: readonly string[];
  readonly env?: ServerEnv;
  readonly redis?: RedisSettings;
}

export interface Fleet extends AsyncDisposable {
  readonly redis: RedisServer;
  /** The processes that were started with exactly these roles, in the order of their start. */
  of(roles: string): readonly ServerProcess[];
  /** One more. */
  add(roles: string): Promise<ServerProcess>;
}

export async function startFleet({ roles, env = {}, redis: settings }: FleetInit): Promise<Fleet> {
  const redis = await startRedis(settings);
  const started: { readonly roles: string; readonly server: ServerProcess }[] = [];

  async function add(roles: string): Promise<ServerProcess> {
    const server = await startServer({ env: { ...env, REDIS_URL: redis.url, ROLES: roles } });
    started.push({ roles, server });
    return server;
  }

  async function stop(): Promise<void> {
    await Promise.all(started.map(({ server }) => server.stop()));
    await redis.stop();
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

/** The servers that an attack is for: one with everything in memory, one on a Redis of its own, or the roles apart on it. */

import type { Config } from '../../src/config.ts';
import { readConfig } from '../../src/config.ts';
import { isRunning } from '../loadtest/tester.ts';
import { type Exit, type ServerEnv, type ServerProcess, startServer, theBuilt } from '../support/process.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import type { Store, Target } from './attack.ts';
import type { Choice } from './settings.ts';

export interface Ground extends AsyncDisposable {
  readonly target: Target;
  readonly config: Config;
  readonly servers: readonly ServerProcess[];
  readonly redis: RedisServer | null;
  /** Ends all of them in order. @returns How they ended. */
  stop(): Promise<readonly Exit[]>;
}

export interface GroundInit {
  readonly store: Store;
  readonly choice: Choice;
  readonly env: ServerEnv;
  readonly descriptors?: number | undefined;
}

export async function prepareGround({ store, choice, env, descriptors }: GroundInit): Promise<Ground> {
  const redis = store === 'memory' ? null : await startRedis();
  const all: ServerEnv = redis === null ? env : { ...env, REDIS_URL: redis.url };
  const outcome = readConfig(all);
  if (!outcome.ok) throw new Error(outcome.problems.join('\n'));
  const servers: ServerProcess[] = [];
  const start = async (roles: string) => {
    // Its memory is measured: as one file it begins with less, and has more to grow by.
    const init = { env: { ...all, ROLES: roles }, main: theBuilt, ...(descriptors !== undefined && { descriptors }) };
    const server = await startServer(init);
    servers.push(server);
    return server;
  };
  const stop = async () => {
    // An attacker that was ended in the middle may have left one stopped.
    for (const { pid } of servers) if (isRunning(pid)) process.kill(pid, 'SIGCONT');
    const exits = await Promise.all(servers.map((server) => server.stop()));
    await redis?.stop();
    return exits;
  };
  try {
    const [bucket, merger, gateway] =
      store === 'apart'
        ? [await start('bucket'), await start('merger'), await start('gateway')]
        : await start('all').then((server) => [server, server, server] as const);
    const target: Target = {
      bucketUrl: bucket.url,
      gatewayUrl: gateway.url,
      redisPort: redis?.port ?? null,
      pids: { bucket: bucket.pid, merger: merger.pid, gateway: gateway.pid },
      shards: outcome.config.shards,
      choice,
    };
    const dispose = async () => void (await stop());
    return { target, config: outcome.config, servers, redis, stop, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await stop();
    throw error;
  }
}

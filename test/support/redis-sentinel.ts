/**
 * A private primary, its replica and three Sentinels for one test file, real processes that fail over within a few
 * seconds. A Sentinel is `redis-server --sentinel`, which needs no further package.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../../loadtest/fleet/port.ts';
import { ask } from './redis-ask.ts';
import { type RedisServer, type RedisSettings, startRedis } from './redis-server.ts';
import { waitFor } from './wait.ts';

export interface RedisSentinel extends AsyncDisposable {
  /** The Sentinels, with commas. */
  readonly url: string;
  /** By what name they know the primary. */
  readonly master: string;
  /** The primary and the replica, as they began. */
  readonly servers: readonly [RedisServer, RedisServer];
  /** The one that the Sentinels agree on. */
  primary(): Promise<RedisServer>;
  stop(): Promise<void>;
}

const MASTER = 'coins';
const SENTINELS = 3;
const DOWN_AFTER_MS = 500;
const FAILOVER_TIMEOUT_MS = 3_000;
const START_TIMEOUT_MS = 20_000;

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** @param dir Where it writes what it learns into its own configuration file. */
async function startSentinel(dir: string, watched: RedisServer) {
  const port = await freePort();
  const file = join(dir, `sentinel-${port}.conf`);
  const lines = [
    `port ${port}`,
    'bind 127.0.0.1',
    `dir ${dir}`,
    `sentinel monitor ${MASTER} 127.0.0.1 ${watched.port} 2`,
    `sentinel down-after-milliseconds ${MASTER} ${DOWN_AFTER_MS}`,
    `sentinel failover-timeout ${MASTER} ${FAILOVER_TIMEOUT_MS}`,
  ];
  await writeFile(file, `${lines.join('\n')}\n`);
  const child = spawn('redis-server', [file, '--sentinel'], { stdio: 'ignore' });
  running.add(child);
  child.once('exit', () => running.delete(child));
  return {
    url: `redis://127.0.0.1:${port}`,
    ask: (...args: string[]) => ask({ port }, 'sentinel', ...args),
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    },
  };
}

export async function startRedisSentinel(): Promise<RedisSentinel> {
  // At the end all stop at once: no primary is to wait for its replica.
  const settings: RedisSettings = { 'repl-diskless-sync-delay': '0', 'shutdown-timeout': '0' };
  const first = await startRedis(settings);
  const second = await startRedis({ ...settings, replicaof: `127.0.0.1 ${first.port}` });
  const servers = [first, second] as const;
  const sentinels = await Promise.all(Array.from({ length: SENTINELS }, () => startSentinel(second.dir, first)));
  const stop = async () => void (await Promise.all([...sentinels, ...servers].map((each) => each.stop())));

  async function knowAll(): Promise<boolean> {
    const answers = await Promise.all(sentinels.map((sentinel) => sentinel.ask('master', MASTER).catch(() => '')));
    return answers.every((answer) => /num-slaves\n1\n/.test(answer) && /num-other-sentinels\n2\n/.test(answer));
  }

  async function primary(): Promise<RedisServer> {
    return waitFor(
      async () => {
        const asked = sentinels.map((sentinel) => sentinel.ask('get-master-addr-by-name', MASTER));
        const [port, ...others] = new Set((await Promise.all(asked)).map((answer) => Number(answer.split('\n')[1])));
        return others.length === 0 ? servers.find((server) => server.port === port) : undefined;
      },
      { what: 'the Sentinels to agree', timeoutMs: START_TIMEOUT_MS, everyMs: 50 },
    );
  }

  try {
    await waitFor(knowAll, { what: 'the Sentinels to know all', timeoutMs: START_TIMEOUT_MS, everyMs: 100 });
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    url: sentinels.map(({ url }) => url).join(','),
    master: MASTER,
    servers,
    primary,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

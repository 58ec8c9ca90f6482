/**
 * The Redis of a lab: a supervised process with a directory of its own, which faults may freeze, kill, starve and rewind.
 *
 * Unlike `support/redis-server.ts` it can live in a network namespace, on a file system that gets full, and above an fsync
 * that takes its time.
 */
import { mkdirSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { freePort } from '../../../loadtest/fleet/port.ts';
import { ask } from '../../support/redis-ask.ts';
import { waitFor } from '../../support/wait.ts';
import { Child } from './child.ts';

const ANSWER_TIMEOUT_MS = 5_000;

export interface LabRedisOptions {
  readonly name?: string;
  /** Everything of it is in here, */
  readonly dir: string;
  /** but for its log: that is never to meet a full disk. */
  readonly logDir: string;
  readonly appendfsync: 'always' | 'everysec' | 'no';
  /** Where it listens: an address of the namespace it lives in. */
  readonly host?: string;
  /** Before the program: `ip netns exec <name>`. */
  readonly prefix?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly settings?: Readonly<Record<string, string>>;
}

export interface LabRedis {
  readonly host: string;
  readonly port: number;
  /** Of its append-only files. */
  readonly dataDir: string;
  readonly child: Child;
  /** As `redis-cli` answers. */
  cli(...args: string[]): Promise<string>;
  /** Resolves when it answers PING. */
  ready(timeoutMs?: number): Promise<void>;
  stop(): Promise<void>;
}

function answersPing(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ port, host });
    const finish = (isUp: boolean) => {
      socket.destroy();
      resolve(isUp);
    };
    socket.setTimeout(1_000, () => finish(false));
    socket.once('error', () => finish(false));
    socket.once('data', (data) => finish(data.toString().startsWith('+PONG')));
    socket.write('PING\r\n');
  });
}

export async function startLabRedis(options: LabRedisOptions): Promise<LabRedis> {
  const {
    name = 'redis',
    dir,
    logDir,
    appendfsync,
    host = '127.0.0.1',
    prefix = [],
    env = {},
    settings = {},
  } = options;
  const port = await freePort();
  const dataDir = join(dir, `${name}-data`);
  mkdirSync(dataDir, { recursive: true });
  const directives: Record<string, string> = {
    port: String(port),
    bind: host,
    'protected-mode': 'no',
    dir: dataDir,
    save: '',
    appendonly: appendfsync === 'no' ? 'no' : 'yes',
    appendfsync: appendfsync,
    // A rewrite in the middle of a run would change what a fault finds in the directory.
    'auto-aof-rewrite-percentage': '0',
    // See faults/store.ts: what Redis 7.0 does with half a transaction is not what its documentation says.
    'aof-load-truncated': 'no',
    ...settings,
  };
  const words = Object.entries(directives).flatMap(([key, value]) => [`--${key}`, value]);
  const [program = 'redis-server', ...args] = [...prefix, 'redis-server', ...words];
  const child = new Child({ name, command: () => ({ program, args, env }), logPath: join(logDir, `${name}.log`) });
  const redis: LabRedis = {
    host,
    port,
    dataDir,
    child,
    cli: (...args) => ask({ host, port, timeoutMs: ANSWER_TIMEOUT_MS }, ...args),
    async ready(timeoutMs = 20_000) {
      const what = () => `${name} to answer:\n${child.tail.join('\n')}`;
      await waitFor(() => answersPing(host, port), { timeoutMs, everyMs: 20, what });
    },
    stop: () => child.stop(),
  };
  await redis.ready();
  return redis;
}

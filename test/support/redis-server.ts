/**
 * A private Redis for one test file: its own process, port and directory, gone when it is stopped.
 *
 * Only this child is ever signalled, through its own handle; nothing that listens elsewhere on the machine is touched.
 * A machine without `redis-server` fails the tests that need it: a skipped test looks just like one that passed.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../loadtest/fleet/port.ts';
import { ask } from './redis-ask.ts';
import { waitFor } from './wait.ts';

/** Directives of redis.conf, by name: `{ maxmemory: '3mb' }`. Two are fixed: `bind` and `save`. */
export interface RedisSettings {
  /** `always` and `everysec` switch the append-only file on; `no`, the default, keeps nothing on disk. */
  readonly appendfsync?: 'always' | 'everysec' | 'no';
  readonly [directive: string]: string | undefined;
}

/** What the process is given beside our own environment. */
export type Environment = Readonly<Record<string, string>>;

export interface RedisServer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** Of the process that runs now; another after `restart`. */
  readonly pid: number;
  /** Where it keeps its append-only file; removed by `stop`. */
  readonly dir: string;
  /** Asks as `redis-cli` does; an error reply rejects. */
  cli(...args: string[]): Promise<string>;
  /** SIGKILL: what a crash of the process leaves is what is left. */
  kill9(): Promise<void>;
  /** Starts again on the same port and directory, after an orderly end of the process if it still runs. */
  restart(settings?: RedisSettings): Promise<void>;
  /** SIGSTOP: connections stay open and nothing answers. */
  pause(): void;
  /** SIGCONT. */
  resume(): void;
  stop(): Promise<void>;
}

/** Loading the largest append-only file of these tests takes well under a second, on a busy machine a few. */
const START_TIMEOUT_MS = 40_000;
const PING_TIMEOUT_MS = 1_000;
/** After this an orderly end has become none. */
const STOP_TIMEOUT_MS = 5_000;

/** What still runs if the test process ends in the middle of something. */
const running = new Set<ChildProcess>();
const dirs = new Set<string>();
// Without a listener a signal ends the process and no 'exit' is emitted.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1));
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
  for (const dir of dirs) rmSync(dir, { recursive: true, force: true });
});

/** Whether a Redis answers PING there; while it loads its file it answers an error. */
function answersPing(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ port, host: '127.0.0.1' });
    const finish = (answered: boolean) => {
      socket.destroy();
      resolve(answered);
    };
    socket.setTimeout(PING_TIMEOUT_MS, () => finish(false));
    socket.once('error', () => finish(false));
    socket.once('data', (data) => finish(data.toString().startsWith('+PONG')));
    socket.write('PING\r\n');
  });
}

function argumentsOf(port: number, dir: string, settings: RedisSettings): string[] {
  const { appendfsync = 'no', ...rest } = settings;
  const directives: Record<string, string | undefined> = {
    port: String(port),
    dir,
    appendonly: appendfsync === 'no' ? 'no' : 'yes',
    appendfsync,
    ...rest,
    bind: '127.0.0.1',
    save: '',
  };
  return Object.entries(directives).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}`, value]));
}

/** One life of the process; rejects when it ends before it answers, or does not answer in time. */
async function launch(port: number, dir: string, settings: RedisSettings, env: Environment): Promise<ChildProcess> {
  const child = spawn('redis-server', argumentsOf(port, dir, settings), {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  let output = '';
  let ended: Error | undefined;
  const listen = (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-4_000);
  };
  child.stdout.on('data', listen);
  child.stderr.on('data', listen);
  child.once('error', (error: NodeJS.ErrnoException) => {
    ended =
      error.code === 'ENOENT'
        ? new Error('These tests need the program `redis-server` (7.0 or later), and it is not on the PATH.')
        : error;
  });
  child.once('exit', (code, signal) => {
    running.delete(child);
    ended ??= new Error(`redis-server on port ${port} ended (${signal ?? code}) before it answered:\n${output}`);
  });
  running.add(child);
  try {
    await waitFor(
      () => {
        if (ended) throw ended;
        return answersPing(port);
      },
      { timeoutMs: START_TIMEOUT_MS, everyMs: 10, what: () => `redis-server on port ${port} to answer:\n${output}` },
    );
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
  return child;
}

async function end(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  // A paused process takes no notice of SIGTERM.
  if (signal === 'SIGTERM') child.kill('SIGCONT');
  child.kill(signal);
  const late = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
  await exited;
  clearTimeout(late);
}

export async function startRedis(settings: RedisSettings = {}, env: Environment = {}): Promise<RedisServer> {
  const dir = await mkdtemp(join(tmpdir(), 'smallchange-redis-'));
  dirs.add(dir);
  const removeDir = async () => {
    await rm(dir, { recursive: true, force: true });
    dirs.delete(dir);
  };
  const port = await freePort();
  let child: ChildProcess;
  try {
    child = await launch(port, dir, settings, env);
  } catch (error) {
    await removeDir();
    throw error;
  }

  const stop = async () => {
    await end(child, 'SIGTERM');
    await removeDir();
  };
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    dir,
    get pid() {
      return child.pid!;
    },
    cli: (...args) => ask({ port }, ...args),
    kill9: () => end(child, 'SIGKILL'),
    async restart(changed = {}) {
      await end(child, 'SIGTERM');
      child = await launch(port, dir, { ...settings, ...changed }, env);
    },
    pause: () => void child.kill('SIGSTOP'),
    resume: () => void child.kill('SIGCONT'),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** Starts, watches and ends the processes of a benchmark: each on a free loopback port, each ended by its own id. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Running {
  readonly name: string;
  readonly port: number;
  readonly pid: number;
  /** CPU seconds used so far, user and system. */
  cpuS(): number;
  /** Resident memory after a collection of garbage, bytes. */
  heldBytes(): Promise<number>;
  stop(): Promise<void>;
}

export interface StartOptions {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly port: number;
  readonly onStop?: () => void;
}

/** How long a server may take until it accepts connections. */
const START_MS = 15_000;
/** Linux counts CPU time in these, and it has been 100 a second on every machine for decades. */
const TICKS_PER_SECOND = 100;
const PAGE_BYTES = 4096;
/** Two full collections of a heap of 100 MB, and the pages given back. */
const COLLECT_MS = 1500;

export async function start({ name, command, args, env, port, onStop }: StartOptions): Promise<Running> {
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, ...env } });
  let complaint = '';
  child.stderr!.on('data', (chunk: Buffer) => {
    complaint = (complaint + chunk.toString()).slice(-2000);
  });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const untilMs = Date.now() + START_MS;
  while (!(await accepts(port))) {
    if (child.exitCode !== null) throw new Error(`${name} ended at its start: ${complaint}`);
    if (Date.now() > untilMs) throw new Error(`${name} does not listen on ${port}: ${complaint}`);
    await sleep(25);
  }
  const pid = child.pid!;
  return {
    name,
    port,
    pid,
    cpuS: () => cpuSecondsOf(pid),
    async heldBytes() {
      child.kill('SIGUSR2');
      await sleep(COLLECT_MS);
      return Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * PAGE_BYTES;
    },
    async stop() {
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), 5000);
      await ended;
      clearTimeout(timer);
      onStop?.();
    },
  };
}

export function cpuSecondsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

export type AofMode = 'off' | 'everysec' | 'always';

/** A Redis of this benchmark's own, in a directory of its own. */
export async function startRedis(aof: AofMode): Promise<Running & { readonly url: string }> {
  const port = await freePort();
  const dir = mkdtempSync(join(tmpdir(), 'smallchange-bench-'));
  const durability = aof === 'off' ? ['--appendonly', 'no'] : ['--appendonly', 'yes', '--appendfsync', aof];
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', dir, ...durability];
  const onStop = () => rmSync(dir, { recursive: true, force: true });
  const redis = await start({ name: `redis (aof ${aof})`, command: 'redis-server', args, port, onStop });
  return { ...redis, url: `redis://127.0.0.1:${port}` };
}

/** The Node that the measured servers run on: another one than ours when `BENCH_NODE` names its binary. */
const nodeBinary = process.env.BENCH_NODE ?? process.execPath;

/** Every measured server can be told to collect its garbage: memory is then what is held, not what was left. */
const collectOnSignal = "process.on('SIGUSR2', () => { gc(); gc(); });";
const nodeArgs = [
  ...(process.env.BENCH_NODE_ARGS?.split(' ') ?? []),
  '--expose-gc',
  '--import',
  `data:text/javascript,${collectOnSignal}`,
];

/** Our own server, as built. */
export async function startSmallchange(env: Readonly<Record<string, string>>, name = 'smallchange'): Promise<Running> {
  const port = await freePort();
  const settings = { ...env, PORT: String(port), LOG_LEVEL: 'warn' };
  return start({ name, command: nodeBinary, args: [...nodeArgs, 'dist/main.js'], env: settings, port });
}

/** A server of `servers/`, for comparison. */
export async function startOther(file: string, name = file): Promise<Running> {
  const port = await freePort();
  const args = [...nodeArgs, '--import', 'tsx', new URL(`servers/${file}.ts`, import.meta.url).pathname];
  return start({ name, command: nodeBinary, args, env: { PORT: String(port) }, port });
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

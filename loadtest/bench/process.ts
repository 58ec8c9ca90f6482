/**
 * Starts, watches and ends the processes of a benchmark: each on a free loopback port, each ended by its own id.
 *
 * Invariant: none of them outlives this process, however it ends: by itself, by an error or by Ctrl-C.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Running {
  readonly name: string;
  readonly port: number;
  readonly pid: number;
  /** Where a change is sent and where streams are opened, with `{channel}` for the channel. */
  readonly paths: Paths;
  /** CPU seconds used so far, user and system. */
  cpuS(): number;
  /** Resident memory, bytes. */
  residentBytes(): number;
  signal(signal: NodeJS.Signals): void;
  stop(): Promise<void>;
}

export interface Paths {
  readonly publish: string;
  readonly subscribe: string;
}

export interface StartOptions {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly port: number;
  readonly paths?: Paths;
  /** Called once when it has ended, whoever ended it. */
  readonly onStop?: () => void;
}

/** How long a server may take until it accepts connections, on a machine that does ten things. */
const START_MS = 30_000;
/** Streams are gone before a server is stopped: one that takes longer is stuck. */
const STOP_MS = 5_000;
/** Linux counts CPU time in these, and it has been 100 a second on every machine for decades. */
const TICKS_PER_SECOND = 100;
const PAGE_BYTES = 4096;

const ourPaths: Paths = { publish: '/c/{channel}', subscribe: '/c/{channel}/events' };

const underway = new Map<ChildProcess, () => void>();
process.once('exit', () => {
  for (const [child, onStop] of underway) {
    child.kill('SIGKILL');
    onStop();
  }
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

export async function start(options: StartOptions): Promise<Running> {
  const { name, command, args, env, port, paths = ourPaths, onStop = () => {} } = options;
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, ...env } });
  underway.set(child, onStop);
  let complaint = '';
  child.stderr!.on('data', (chunk: Buffer) => {
    complaint = (complaint + chunk.toString()).slice(-2000);
  });
  let failure: Error | undefined;
  child.once('error', (error) => {
    failure = error;
  });
  const ended = new Promise<void>((resolve) =>
    child.once('close', () => {
      underway.delete(child);
      onStop();
      resolve();
    }),
  );
  const stop = async () => {
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
    await ended;
    clearTimeout(timer);
  };
  const untilMs = Date.now() + START_MS;
  while (!(await accepts(port))) {
    if (failure ?? child.exitCode !== null) throw new Error(`${name} ended at its start: ${failure ?? complaint}`);
    if (Date.now() > untilMs) {
      await stop();
      throw new Error(`${name} does not listen on ${port}: ${complaint}`);
    }
    await sleep(25);
  }
  const pid = child.pid!;
  return {
    name,
    port,
    pid,
    paths,
    cpuS: () => cpuSecondsOf(pid),
    residentBytes: () => residentBytesOf(pid),
    signal: (signal) => void child.kill(signal),
    stop,
  };
}

export function cpuSecondsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

export function residentBytesOf(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * PAGE_BYTES;
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

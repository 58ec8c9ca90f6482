/**
 * The program itself as a process of its own: started on a free port with nothing but the given environment, and ended in
 * every way a process ends. It is the program as one file, which starts in half the time; where what `npm run build` makes
 * is in question, that is named: `main: theBuilt`.
 *
 * Invariant: no process outlives the test process, and one that dies before it serves fails its test with all it said.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startArgsOf } from '../../loadtest/bench/start-args.ts';
import { theProgram } from './program.ts';
import { waitFor } from './wait.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface Finished extends Exit {
  readonly stdout: string;
  readonly stderr: string;
}

export type ServerEnv = Readonly<Record<string, string>>;

export interface ServerProcess extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** Its log so far: one object a line. */
  readonly logged: readonly Readonly<Record<string, unknown>>[];
  /** Everything it has said on both streams. */
  output(): string;
  /** SIGTERM. Resolves when the process has ended. */
  stop(): Promise<Exit>;
  /** SIGKILL. */
  kill9(): Promise<void>;
  /** How it ended, whoever ended it. */
  readonly exited: Promise<Exit>;
}

/** Node, fastify and a Redis on a busy machine: about a second; this is for a slow one that does twenty things. */
const START_TIMEOUT_MS = 60_000;
/** As long as a pod has: a drain of the default length and what comes after it fit. */
const STOP_TIMEOUT_MS = 30_000;
const BUILD_TIMEOUT_MS = 120_000;

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

let built: Promise<void> | undefined;

/** Test files run side by side and build into one folder: the first builds, the others wait for it. */
async function build(): Promise<void> {
  const lock = join(tmpdir(), `smallchange-build-${Buffer.from(root).toString('base64url')}`);
  await waitFor(() => isTaken(lock), { timeoutMs: BUILD_TIMEOUT_MS, everyMs: 50, what: `${lock} to go` });
  try {
    const script = join(root, 'scripts/build.mjs');
    const { status } = spawnSync(process.execPath, [script, '--if-stale'], { cwd: root, stdio: 'inherit' });
    if (status !== 0) throw new Error('the build failed');
  } finally {
    rmSync(lock, { recursive: true, force: true });
  }
}

function isTaken(lock: string): boolean {
  try {
    mkdirSync(lock);
    return true;
  } catch {
    // Left behind by a test process that was killed in the middle of a build.
    const madeMs = statSync(lock, { throwIfNoEntry: false })?.mtimeMs;
    if (madeMs !== undefined && Date.now() - madeMs > BUILD_TIMEOUT_MS / 2) rmSync(lock, { recursive: true });
    return false;
  }
}

export interface Launched {
  readonly child: ChildProcess;
  readonly exited: Promise<Exit>;
  readonly said: { stdout: string; stderr: string };
}

/** What `npm run build` makes. */
export async function theBuilt(): Promise<string> {
  built ??= build();
  await built;
  return join(root, 'dist/main.js');
}

/**
 * Starts it and waits for nothing.
 *
 * @param through A program that runs it, and its arguments.
 * @param words Its command line.
 * @param flags Node's own. Default: those of `npm start`.
 */
export async function launch(
  env: ServerEnv,
  through: readonly string[] = [],
  main: () => Promise<string> = theProgram,
  words: readonly string[] = [],
  flags: readonly string[] = startArgsOf(root),
): Promise<Launched> {
  const [program, ...args] = [...through, process.execPath, ...flags, await main(), ...words];
  const child = spawn(program!, args, {
    env: { PATH: process.env.PATH ?? '', PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  const said = { stdout: '', stderr: '' };
  child.stdout!.setEncoding('utf8').on('data', (text: string) => {
    said.stdout += text;
  });
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    said.stderr += text;
  });
  // `close` comes after the last of the output, `exit` may not.
  const exited = once(child, 'close').then(([code, signal]): Exit => {
    running.delete(child);
    return { code: code as number | null, signal: signal as NodeJS.Signals | null };
  });
  return { child, exited, said };
}

/** The processes that this one has started and that have not ended. */
export function childrenOf(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return children === '' ? [] : children.split(' ').map(Number);
}

export interface ServerOptions {
  readonly env?: ServerEnv;
  /** How many files and sockets it may open, if not as many as we may. */
  readonly descriptors?: number;
  /** Gives the file to run, if not the program as one file. */
  readonly main?: () => Promise<string>;
  /** Its command line. */
  readonly words?: readonly string[];
  /** A program that runs it, and its arguments. */
  readonly through?: readonly string[];
  /** Of Node, if not those of `npm start`. */
  readonly flags?: readonly string[];
}

/** Starts it and resolves once it serves, which it says at `LOG_LEVEL` info. */
export async function startServer(options: ServerOptions = {}): Promise<ServerProcess> {
  const { env = {}, descriptors, main, words, through = [], flags } = options;
  const limited = descriptors === undefined ? [] : ['bash', '-c', `ulimit -n ${descriptors}; exec "$@"`, 'bash'];
  const { child, exited, said } = await launch(env, [...limited, ...through], main, words, flags);
  const output = () => said.stdout + said.stderr;
  const logLines = () => said.stdout.split('\n').slice(0, -1);
  let early: Exit | undefined;
  void exited.then((exit) => {
    early = exit;
  });
  const started = await waitFor(
    () => {
      if (early) throw new Error(`the server ended (${early.signal ?? early.code}) before it served:\n${output()}`);
      return logLines()
        .map((line) => JSON.parse(line) as Record<string, unknown>)
        .find(({ msg }) => msg === 'smallchange is running');
    },
    { timeoutMs: START_TIMEOUT_MS, what: () => `the server to say that it is running:\n${output()}` },
  ).catch((error: unknown) => {
    child.kill('SIGKILL');
    throw error;
  });
  const port = started.port as number;

  async function end(signal: NodeJS.Signals): Promise<Exit> {
    child.kill(signal);
    const late = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    const exit = await exited;
    clearTimeout(late);
    return exit;
  }

  return {
    url: `http://127.0.0.1:${port}`,
    port,
    pid: child.pid!,
    get logged() {
      return logLines().map((line) => JSON.parse(line) as Record<string, unknown>);
    },
    output,
    stop: () => end('SIGTERM'),
    async kill9() {
      await end('SIGKILL');
    },
    exited,
    async [Symbol.asyncDispose]() {
      await end('SIGTERM');
    },
  };
}

/** Starts one that is expected to end by itself, and resolves when it has. */
export async function runServer(env: ServerEnv): Promise<Finished> {
  const { child, exited, said } = await launch(env);
  const late = setTimeout(() => child.kill('SIGKILL'), START_TIMEOUT_MS);
  const exit = await exited;
  clearTimeout(late);
  return { ...exit, ...said };
}

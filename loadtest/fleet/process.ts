/**
 * One process of a fleet: started, watched, ended by its own id.
 *
 * Invariant: none outlives this process, however it ends; and Ctrl-C does not reach them, so that it is decided here in
 * which order they go.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { BadUse } from '../run/arguments.ts';

export type PartName = 'gateways' | 'buckets' | 'mergers' | 'Redis';

export interface Part {
  readonly name: PartName;
  readonly pid: number;
  readonly port: number;
  /** The last lines it has complained in. */
  readonly complaints: readonly string[];
  stop(): Promise<void>;
}

export interface StartOptions {
  readonly name: PartName;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** The port, from the line that says that it serves; null for every other line. */
  readonly readPort: (line: string) => number | null;
  readonly isComplaint: (line: string) => boolean;
  /** It ended and should not have. */
  readonly onEnd: (why: string) => void;
}

/** Fifty Nodes starting on two cores that do other things as well. */
const START_MS = 60_000;
const STOP_MS = 5000;
const LINES_KEPT = 5;

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export async function startPart({
  name,
  command,
  args,
  env = {},
  readPort,
  isComplaint,
  onEnd,
}: StartOptions): Promise<Part> {
  const child = spawn(command, args, {
    env: { PATH: process.env.PATH ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A process group of its own: the terminal's Ctrl-C is for us alone.
    detached: true,
  });
  running.add(child);
  const complaints: string[] = [];
  const lastWords: string[] = [];
  let isStopping = false;
  const keep = (lines: string[], line: string) => {
    lines.push(line);
    if (lines.length > LINES_KEPT) lines.shift();
  };
  const port = await new Promise<number>((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`one of the ${name} does not serve: ${[...complaints, ...lastWords].join(' ')}`)),
      START_MS,
    );
    const hear = (line: string) => {
      const found = readPort(line);
      if (found !== null) resolve(found);
      keep(isComplaint(line) ? complaints : lastWords, line);
    };
    createInterface({ input: child.stdout! }).on('line', hear);
    createInterface({ input: child.stderr! }).on('line', (line) => keep(lastWords, line));
    child.once('error', ({ message }) => reject(new BadUse(`${command} cannot be started: ${message}`)));
    child.once('close', (code, signal) => {
      running.delete(child);
      const said = [...complaints, ...lastWords].join(' ').slice(-500);
      const why = `one of the ${name} ended with ${signal ?? code}: ${said}`;
      reject(new Error(why));
      if (!isStopping) onEnd(why);
    });
    const settled = () => clearTimeout(timer);
    child.once('close', settled);
    child.stdout!.once('end', settled);
  }).catch((error: unknown) => {
    isStopping = true;
    child.kill('SIGKILL');
    throw error;
  });
  return {
    name,
    pid: child.pid!,
    port,
    complaints,
    async stop() {
      isStopping = true;
      if (!running.has(child)) return;
      const ended = once(child, 'close');
      child.kill('SIGTERM');
      const late = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
      await ended;
      clearTimeout(late);
    },
  };
}

/** The client under test: a process that is told what to do over stdin and tells what it saw over stdout, a JSON object a line. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { waitFor } from '../../../support/wait.ts';
import type { Ability } from './case.ts';
import type { Told } from './stage.ts';

export interface Subject extends AsyncDisposable {
  readonly name: string;
  readonly can: readonly Ability[];
  /** @returns Says something to one connection. */
  connection(told: (line: Told) => void): (command: Record<string, unknown>) => void;
  /** @throws when it has ended, or said what is not understood. */
  check(): void;
}

interface Line extends Told {
  readonly connection?: string;
  readonly client?: string;
  readonly can?: readonly Ability[];
}

/** They are not to outlive this process. */
const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** An interpreter that starts on a busy machine. */
const START_MS = 30_000;

export async function startSubject([program, ...words]: readonly string[]): Promise<Subject> {
  const child = spawn(program!, words, { stdio: ['pipe', 'pipe', 'pipe'] });
  running.add(child);
  const listeners = new Map<string, (line: Told) => void>();
  let ready: Line | undefined;
  let complaint: string | undefined;
  let errors = '';
  const ended = once(child, 'close').then(
    ([code]) => {
      complaint ??= `the client ended (${code}): ${errors}`;
    },
    (error: Error) => {
      complaint = error.message;
    },
  );
  child.stdin.on('error', () => undefined);
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  createInterface(child.stdout).on('line', (text) => {
    try {
      const line = JSON.parse(text) as Line;
      if (line.told === 'ready') ready = line;
      else listeners.get(line.connection!)?.(line);
    } catch {
      complaint ??= `no line of JSON: ${text}`;
    }
  });
  function check(): void {
    if (complaint !== undefined) throw new Error(complaint);
  }
  async function end(): Promise<void> {
    // It is to end by itself once nobody talks to it.
    child.stdin.end();
    const late = setTimeout(() => child.kill('SIGKILL'), 10_000);
    await ended;
    clearTimeout(late);
    running.delete(child);
  }
  const isReady = () => {
    check();
    return ready;
  };
  const { client = program!, can = [] } = await waitFor(isReady, {
    what: 'the client to be ready',
    timeoutMs: START_MS,
  }).catch(async (error: unknown) => {
    child.kill('SIGKILL');
    await end();
    throw error;
  });
  return {
    name: client,
    can,
    check,
    connection(told) {
      const connection = String(listeners.size + 1);
      listeners.set(connection, told);
      return (command) => child.stdin.write(`${JSON.stringify({ ...command, connection })}\n`);
    },
    [Symbol.asyncDispose]: end,
  };
}

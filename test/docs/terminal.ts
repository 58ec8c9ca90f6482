/**
 * Where a page's commands are run, as they stand there: real `sh`, real `curl`, in a private folder with the examples of this project.
 * What one block of commands sets, the next one has; what all that run print is one screen.
 *
 * Invariant: nothing that was started here outlives the terminal, nor the process that has opened it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { freePort } from '../../loadtest/fleet/port.ts';
import { makeFolder } from '../support/folder.ts';
import { theProgram } from '../support/program.ts';
import { waitFor } from '../support/wait.ts';
import { Answers } from './answers.ts';
import { furnish } from './furnish.ts';
import type { Step } from './page.ts';

/** A command that does not hear ^C. */
const HEARS_MS = 2_000;
const SERVER = /\bnpx smallchange\b/;

const everything = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of everything) signal(child, 'SIGKILL');
});

export interface Terminal extends AsyncDisposable {
  /** Its folder: what commands write is there. */
  readonly path: string;
  /** Where a port of the page really is. */
  portOf(shown: number): number;
  /** Types it, and resolves once what is seen is what the page says. @throws {Error} with both where it is not, in time. */
  run(step: Step): Promise<void>;
}

export interface TerminalOptions {
  /** That the page's commands use. */
  readonly ports: readonly number[];
  /** How long an answer may take. */
  readonly timeoutMs?: number;
}

export async function openTerminal({ ports, timeoutMs }: TerminalOptions): Promise<Terminal> {
  const folder = makeFolder();
  const { path } = folder;
  const real = new Map<number, number>();
  for (const port of ports) real.set(port, await freePort());
  const env = furnish(path, real, await theProgram());
  const answers = new Answers();
  const running = new Set<ChildProcess>();
  const servers = new Set<ChildProcess>();
  let blocks = 0;
  let screen = '';
  /** Of the servers. */
  let log = '';

  function start(command: string, isServer: boolean): ChildProcess {
    // A file of its own: one that goes on may not have read it when the next is typed.
    const block = `.block-${++blocks}`;
    writeFileSync(join(path, block), `${command}\n`);
    const words = ['-c', `set -a; . ./.vars; . ./${block}; export -p > .vars`];
    // A group of its own: ^C is for all that a block has started.
    const child = spawn('sh', words, { cwd: path, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    const group = isServer ? servers : running;
    for (const set of [group, everything]) {
      set.add(child);
      child.once('close', () => set.delete(child));
    }
    for (const output of [child.stdout!, child.stderr!]) {
      output.setEncoding('utf8').on('data', (text: string) => {
        if (isServer) log += text;
        else screen += text.replaceAll('\r\n', '\n');
      });
    }
    return child;
  }

  async function serve(command: string): Promise<void> {
    const child = start(command, true);
    const port = real.get(Number(/\bPORT=(\d+)/.exec(command)?.[1] ?? 8080))!;
    await waitFor(
      () => {
        if (!servers.has(child)) throw new Error(`the server of ${command} ended:\n${log}`);
        return accepts(port);
      },
      { what: `a server after ${command}` },
    );
  }

  return {
    path,
    portOf: (shown) => real.get(shown)!,
    async run(step) {
      const command = answers.commandOf(step.command);
      if (SERVER.test(command)) {
        await serve(command);
        return;
      }
      screen = '';
      const child = start(command, false);
      const told = () => `line ${step.line}: what the page shows:\n${step.answer}\nand what is seen:\n${screen}`;
      if (step.then === 'ends') {
        await waitFor(() => !running.has(child), {
          what: () => `the end of it. ${told()}`,
          ...(timeoutMs && { timeoutMs }),
        });
      }
      // A stream that was begun before may show it a moment later; what nothing runs for any more will not come.
      await waitFor(
        () => {
          if (answers.fits(step.answer, screen)) return true;
          if (running.size === 0) throw new Error(told());
          return false;
        },
        { what: told, ...(timeoutMs && { timeoutMs }) },
      );
      if (step.then === 'stopped') await stop(running);
    },
    async [Symbol.asyncDispose]() {
      await stop(running);
      await stop(servers);
      folder[Symbol.dispose]();
    },
  };
}

/** ^C. */
async function stop(children: ReadonlySet<ChildProcess>): Promise<void> {
  for (const child of children) {
    const ended = once(child, 'close');
    signal(child, 'SIGINT');
    const late = setTimeout(() => signal(child, 'SIGKILL'), HEARS_MS);
    await ended;
    clearTimeout(late);
  }
}

/** To all that a block has started. */
function signal(child: ChildProcess, name: NodeJS.Signals): void {
  try {
    process.kill(-child.pid!, name);
  } catch {
    // All of it has ended.
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => socket.end()).once('error', () => resolve(false));
    socket.once('close', () => resolve(true));
  });
}

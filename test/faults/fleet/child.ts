/**
 * A process that is started again whenever it ends, as a supervisor would: until it is held back or stopped.
 *
 * Only children of this process are ever signalled, by their own handles; none outlives it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { waitFor } from '../../support/wait.ts';

export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

export interface ChildOptions {
  readonly name: string;
  /** Asked at every start. */
  readonly command: () => Command;
  /** All it says, of all its lives. */
  readonly logPath: string;
  readonly onLine?: (line: string) => void;
  /** Of the life that runs now. */
  readonly onStart?: () => void;
}

/** A supervisor's pause before it starts something again. */
const RESTART_MS = 200;

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export class Child {
  readonly name: string;
  readonly #options: ChildOptions;
  #process: ChildProcess | null = null;
  #isWanted = true;
  #isStopped = false;
  /** How often it was started. */
  starts = 0;
  /** Its last lines, for whoever has to explain a failure. */
  readonly tail: string[] = [];
  readonly #loop: Promise<void>;
  #wake: () => void = () => undefined;

  constructor(options: ChildOptions) {
    this.name = options.name;
    this.#options = options;
    this.#loop = this.#run();
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  get isRunning(): boolean {
    return this.#process !== null;
  }

  signal(signal: NodeJS.Signals): void {
    this.#process?.kill(signal);
  }

  /** Ends it, and it stays away until `release`. Resolves when it has ended. */
  async hold(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    this.#isWanted = false;
    this.signal('SIGCONT');
    this.signal(signal);
    await waitFor(() => this.#process === null, { timeoutMs: 20_000, what: `${this.name} to end` });
  }

  release(): void {
    this.#isWanted = true;
    this.#wake();
  }

  /** Ends it; it comes back by itself. */
  async kill9(): Promise<void> {
    await this.hold();
    this.release();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#wake();
    await this.hold();
    await this.#loop;
  }

  async #run(): Promise<void> {
    const log = createWriteStream(this.#options.logPath, { flags: 'a' });
    while (!this.#isStopped) {
      if (this.#isWanted) await this.#live(log);
      if (this.#isStopped) break;
      if (this.#isWanted) await sleep(RESTART_MS);
      else
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
    }
    log.end();
  }

  async #live(log: NodeJS.WritableStream): Promise<void> {
    const { program, args, env } = this.#options.command();
    const child = spawn(program, args, {
      env: { PATH: process.env.PATH ?? '', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    running.add(child);
    this.#process = child;
    this.starts++;
    this.#options.onStart?.();
    for (const stream of [child.stdout, child.stderr]) {
      let rest = '';
      stream.setEncoding('utf8').on('data', (text: string) => {
        log.write(text);
        const lines = (rest + text).split('\n');
        rest = lines.pop()!;
        for (const line of lines) this.#said(line);
      });
    }
    child.once('error', (error) => this.#said(`cannot be started: ${error.message}`));
    await once(child, 'close').catch(() => undefined);
    log.write(`--- ended: ${child.signalCode ?? child.exitCode}\n`);
    running.delete(child);
    this.#process = null;
  }

  #said(line: string): void {
    this.tail.push(line);
    if (this.tail.length > 40) this.tail.shift();
    this.#options.onLine?.(line);
  }
}

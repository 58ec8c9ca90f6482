/**
 * Processes of their own for those who attack and those who must not notice: one that is asked and answers, one question at a
 * time. It ends with whoever started it.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { asTypeScript } from '../support/typescript.ts';

type Answer = { readonly value: unknown } | { readonly failed: string };

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export class Child implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  #hasEnded = false;

  constructor(file: URL, args: readonly string[] = []) {
    this.#child = fork(fileURLToPath(file), args, { execArgv: [...asTypeScript] });
    running.add(this.#child);
    this.#ended = once(this.#child, 'exit').then(() => {
      this.#hasEnded = true;
      running.delete(this.#child);
    });
  }

  /** @throws When it failed, ended, or did not answer in time; it is ended then. */
  async ask<T>(question: unknown, timeoutMs: number): Promise<T> {
    if (this.#hasEnded) throw new Error('the process that was asked has ended');
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), timeoutMs);
    const answered = once(this.#child, 'message', { signal: late.signal }) as Promise<[Answer]>;
    const ended = this.#ended.then(() => undefined);
    this.#child.send(question as object);
    try {
      const first = await Promise.race([answered, ended]);
      if (first === undefined) throw new Error(`the process ended when it was asked to ${JSON.stringify(question)}`);
      const [answer] = first;
      if ('failed' in answer) throw new Error(answer.failed);
      return answer.value as T;
    } catch (error) {
      if (!late.signal.aborted) throw error;
      this.#child.kill('SIGKILL');
      throw new Error(`no answer after ${timeoutMs} ms to ${JSON.stringify(question).slice(0, 100)}`);
    } finally {
      clearTimeout(timer);
      answered.catch(() => {});
      late.abort();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }
}

/** The other side of it. */
export function answerParent(answer: (question: never) => Promise<unknown>): void {
  process.once('disconnect', () => process.exit(1));
  process.on('message', (question) => {
    answer(question as never).then(
      (value) => process.send!({ value }),
      (error: unknown) =>
        process.send!({ failed: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
    );
  });
}

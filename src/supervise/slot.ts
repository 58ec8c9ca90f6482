/**
 * The place of one worker, and whoever is in it: usually one, two while the next takes over from the last.
 *
 * One that ends by itself is started again, later each time it does so soon. One that stands still is killed, and so is one
 * that does not end when it is told to: nobody waits for a worker without a limit.
 */
import cluster, { type Worker } from 'node:cluster';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../log.ts';
import { watchPulse } from './pulse.ts';

const BACKOFF_MIN_MS = 200;
const BACKOFF_MAX_MS = 10_000;
/** One that has run for so long did not fail because of how it started. */
const SETTLED_MS = 60_000;
/**
 * What a worker may take to end beside its drain: `http/closing.ts` waits 8 s for requests, a store that does not answer
 * is given a few seconds more.
 */
const END_MAX_MS = 13_000;

/** How a process ended. */
interface End {
  readonly code: number | null;
  readonly signal: string | null;
}

/** A worker did not come to serve. It has said why. */
export class Failed extends Error {
  readonly code: number;

  constructor(code: number) {
    super(`a worker ended with ${code} before it served`);
    this.code = code;
  }
}

export class Slot {
  readonly #index: number;
  readonly #drainMs: number;
  readonly #log: Logger;
  /** Who serves, or is to. */
  #worker: Worker | undefined;
  /** All whose process has not ended. */
  readonly #living = new Set<Worker>();
  /** Of those that were told to end, once: told twice, a process would not drain. */
  readonly #ends = new WeakMap<Worker, Promise<number>>();
  #isStopping = false;
  /** Another is on its way, by one of the two; never by both, or there would be one whom nobody knows. */
  #isReplacing = false;
  #restarting: Promise<void> | undefined;
  #backoffMs = BACKOFF_MIN_MS;

  constructor(index: number, drainMs: number, log: Logger) {
    this.#index = index;
    this.#drainMs = drainMs;
    this.#log = log;
  }

  /** Resolves to its port when it serves. */
  async start(): Promise<number> {
    const worker = cluster.fork();
    const ended = this.#follow(worker);
    const served = new Promise<number>((resolve) => {
      worker.on('message', (message) => {
        if (typeof message === 'object') resolve((message as { readonly port: number }).port);
      });
    });
    this.#worker ??= worker;
    const first = await Promise.race([served, ended]);
    if (typeof first !== 'number') {
      if (this.#worker === worker) this.#worker = undefined;
      throw new Failed(codeOf(first));
    }
    this.#worker = worker;
    const servedMs = performance.now();
    void ended.then((end) => this.#ended(worker, end, performance.now() - servedMs));
    return first;
  }

  /** Resolves when its process has ended, which it does when it stands still. */
  async #follow(worker: Worker): Promise<End> {
    this.#living.add(worker);
    watchPulse(worker, (silentMs) => {
      this.#log.error({ ...this.#nameOf(worker), silentMs }, 'a worker does not answer and is killed');
      worker.process.kill('SIGKILL');
    });
    const [code, signal] = (await once(worker, 'exit')) as [End['code'], End['signal']];
    this.#living.delete(worker);
    return { code, signal };
  }

  #nameOf(worker: Worker) {
    return { worker: this.#index, workerPid: worker.process.pid };
  }

  #ended(worker: Worker, end: End, lastedMs: number): void {
    if (this.#worker !== worker || this.#isStopping) return;
    this.#worker = undefined;
    if (this.#isReplacing) {
      this.#log.error({ worker: this.#index, ...end }, 'a worker ended by itself while another takes its place');
      return;
    }
    if (lastedMs > SETTLED_MS) this.#backoffMs = BACKOFF_MIN_MS;
    this.#log.error({ worker: this.#index, ...end, againInMs: this.#backoffMs }, 'a worker ended by itself');
    this.#restart();
  }

  #restart(): void {
    this.#restarting = this.#startAgain().finally(() => {
      this.#restarting = undefined;
    });
  }

  async #startAgain(): Promise<void> {
    while (!this.#isStopping) {
      await sleep(this.#backoffMs);
      this.#backoffMs = Math.min(BACKOFF_MAX_MS, this.#backoffMs * 2);
      if (this.#isStopping) return;
      const isServing = await this.start().then(
        () => true,
        () => false,
      );
      if (isServing) return;
    }
  }

  /** Resolves when another serves and the old one has drained. */
  async replace(): Promise<void> {
    await this.#restarting;
    if (this.#isStopping) return;
    const old = this.#worker;
    this.#isReplacing = true;
    try {
      await this.start();
    } finally {
      this.#isReplacing = false;
      if (this.#worker === undefined && !this.#isStopping) this.#restart();
    }
    if (old) await this.#endOf(old);
  }

  /** Resolves to its exit code, 0 where there was none; of several, to one that is not 0. */
  async stop(): Promise<number> {
    this.#isStopping = true;
    const codes = await Promise.all(Array.from(this.#living, (worker) => this.#endOf(worker)));
    return codes.find((code) => code !== 0) ?? 0;
  }

  kill(): void {
    this.#isStopping = true;
    for (const worker of this.#living) worker.process.kill('SIGKILL');
  }

  #endOf(worker: Worker): Promise<number> {
    let end = this.#ends.get(worker);
    if (end === undefined) {
      end = this.#living.has(worker) ? this.#tellToEnd(worker) : Promise.resolve(0);
      this.#ends.set(worker, end);
    }
    return end;
  }

  async #tellToEnd(worker: Worker): Promise<number> {
    const ended = once(worker, 'exit') as Promise<[End['code'], End['signal']]>;
    worker.process.kill('SIGTERM');
    const late = setTimeout(() => {
      this.#log.error(this.#nameOf(worker), 'a worker does not end and is killed');
      worker.process.kill('SIGKILL');
    }, this.#drainMs + END_MAX_MS);
    const [code, signal] = await ended;
    clearTimeout(late);
    return codeOf({ code, signal });
  }
}

/** One that was told to end before it could listen to that has ended as it was told. */
function codeOf({ code, signal }: End): number {
  return code ?? (signal === 'SIGTERM' ? 0 : 1);
}

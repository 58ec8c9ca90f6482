/**
 * Several processes behind one port, for a machine with several cores: the same roles in each. They share nothing but the
 * port, which this process holds; it gives each connection to one that is free. What is uneven then, `gateway/stream/spread.ts` evens.
 *
 * A worker that ends by itself is started again, later each time it does so soon. SIGHUP replaces them one by one: the
 * next is there before the last is told to drain. SIGTERM drains all.
 */
import cluster, { type Worker } from 'node:cluster';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from './config.ts';
import type { Logger } from './log.ts';
import { invite } from './serve.ts';

const BACKOFF_MIN_MS = 200;
const BACKOFF_MAX_MS = 10_000;
/** One that has run for so long did not fail because of how it started. */
const SETTLED_MS = 60_000;

export async function supervise(config: Config, log: Logger): Promise<void> {
  const slots = Array.from({ length: config.workers }, (_, index) => new Slot(index, log));
  // Whatever keeps one from starting keeps all; the others' sentences would be the same.
  const ports = await Promise.all(slots.map((slot) => slot.start())).catch((failed: Failed) => {
    for (const slot of slots) slot.kill();
    process.exit(failed.code);
  });
  log.info({ port: ports[0], workers: slots.length, roles: config.roles }, 'smallchange is running');
  invite(config, ports[0]!);
  obey(slots, log);
}

function obey(slots: readonly Slot[], log: Logger): void {
  let isStopping = false;
  let replacing = Promise.resolve();
  const stop = async (signal: NodeJS.Signals) => {
    if (isStopping) {
      for (const slot of slots) slot.kill();
      process.exit(1);
    }
    isStopping = true;
    log.info({ signal }, 'stopping all workers');
    const codes = await Promise.all(slots.map((slot) => slot.stop()));
    process.exit(codes.every((code) => code === 0) ? 0 : 1);
  };
  const replace = async () => {
    log.info('replacing all workers, one by one');
    for (const slot of slots) if (!isStopping) await slot.replace();
    log.info('all workers are new');
  };
  process.on('SIGTERM', (signal) => void stop(signal));
  process.on('SIGINT', (signal) => void stop(signal));
  process.on('SIGHUP', () => {
    replacing = replacing.then(replace).catch((err: unknown) => log.error({ err }, 'the old workers stay'));
  });
}

/** A worker did not come to serve. It has said why. */
class Failed extends Error {
  readonly code: number;

  constructor(code: number) {
    super(`a worker ended with ${code} before it served`);
    this.code = code;
  }
}

/** The place of one worker, and whoever is in it. */
class Slot {
  readonly #index: number;
  readonly #log: Logger;
  #worker: Worker | undefined;
  #isStopping = false;
  /** Another is on its way, by one of the two; never by both, or there would be one whom nobody knows. */
  #isReplacing = false;
  #restarting: Promise<void> | undefined;
  #backoffMs = BACKOFF_MIN_MS;

  constructor(index: number, log: Logger) {
    this.#index = index;
    this.#log = log;
  }

  /** Resolves to its port when it serves. */
  async start(): Promise<number> {
    const worker = cluster.fork();
    const served = once(worker, 'message') as Promise<[{ readonly port: number }]>;
    const ended = once(worker, 'exit') as Promise<[number | null, string | null]>;
    this.#worker ??= worker;
    const first = await Promise.race([served, ended.then(([code]) => code ?? 1)]);
    if (typeof first === 'number') {
      if (this.#worker === worker) this.#worker = undefined;
      throw new Failed(first);
    }
    this.#worker = worker;
    const servedMs = performance.now();
    void ended.then(([code, signal]) => this.#ended(worker, { code, signal }, performance.now() - servedMs));
    return first[0].port;
  }

  #ended(worker: Worker, how: { code: number | null; signal: string | null }, lastedMs: number): void {
    if (this.#worker !== worker || this.#isStopping) return;
    this.#worker = undefined;
    if (this.#isReplacing) {
      this.#log.error({ worker: this.#index, ...how }, 'a worker ended by itself while another takes its place');
      return;
    }
    if (lastedMs > SETTLED_MS) this.#backoffMs = BACKOFF_MIN_MS;
    this.#log.error({ worker: this.#index, ...how, againInMs: this.#backoffMs }, 'a worker ended by itself');
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
    const old = this.#worker;
    this.#isReplacing = true;
    try {
      await this.start();
    } finally {
      this.#isReplacing = false;
      if (this.#worker === undefined) this.#restart();
    }
    if (old) await endOf(old);
  }

  /** Resolves to its exit code, 0 where there was none. */
  async stop(): Promise<number> {
    this.#isStopping = true;
    return this.#worker ? endOf(this.#worker) : 0;
  }

  kill(): void {
    this.#isStopping = true;
    this.#worker?.process.kill('SIGKILL');
  }
}

async function endOf(worker: Worker): Promise<number> {
  if (worker.isDead()) return 0;
  const ended = once(worker, 'exit') as Promise<[number | null]>;
  worker.process.kill('SIGTERM');
  const [code] = await ended;
  return code ?? 1;
}

/** One connection to a server on which `/healthz` is asked for all the time: how long there was no answer to it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Histogram } from '../../loadtest/measures/histogram.ts';
import { request } from '../support/http.ts';
import { oneConnection } from '../support/wire.ts';
import { workedMs } from './gauges.ts';
import { type Spread, spreadOf } from './spread.ts';

const EVERY_MS = 20;
const PATIENCE_MS = 60_000;

export interface Probed {
  readonly health: Spread;
  readonly standstillMs: number;
  readonly failures: number;
}

export class HealthProbe {
  readonly #url: string;
  readonly #pid: number;
  #health = new Histogram();
  #standstillMs = 0;
  #failures = 0;
  #isClosed = false;
  /** When the request was sent that has no answer yet. */
  #waiting: { readonly sinceMs: number; readonly workedMs: number } | null = null;

  constructor(url: string, pid: number) {
    this.#url = url;
    this.#pid = pid;
    void this.#probe();
  }

  begin(): void {
    this.#health = new Histogram();
    this.#standstillMs = 0;
    this.#failures = 0;
    // What began before is not of this time.
    this.#waiting &&= { sinceMs: performance.now(), workedMs: workedMs(this.#pid) };
  }

  end(): Probed {
    this.#record();
    return { health: spreadOf(this.#health), standstillMs: this.#standstillMs, failures: this.#failures };
  }

  close(): void {
    this.#isClosed = true;
  }

  async #probe(): Promise<void> {
    const agent = oneConnection(this.#url);
    while (!this.#isClosed) {
      this.#waiting = { sinceMs: performance.now(), workedMs: workedMs(this.#pid) };
      const isWell = await request(this.#url, '/healthz', { agent, timeoutMs: PATIENCE_MS }).then(
        ({ status }) => status === 200,
        () => false,
      );
      this.#record();
      this.#waiting = null;
      if (!isWell) this.#failures++;
      await sleep(EVERY_MS);
    }
    agent.destroy();
  }

  #record(): void {
    if (this.#waiting === null) return;
    const gapMs = performance.now() - this.#waiting.sinceMs;
    this.#health.recordMs(gapMs);
    const ownMs = Math.min(gapMs, workedMs(this.#pid) - this.#waiting.workedMs);
    this.#standstillMs = Math.max(this.#standstillMs, ownMs);
  }
}

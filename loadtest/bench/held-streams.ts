/** A server with streams held open against it, and what can be asked of the two: memory, deliveries, CPU. */
import { type ChildProcess, fork } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'undici';
import type { Counted, HolderAnswer, HolderOrder, OpenOrder } from './holder.ts';
import type { Running } from './process.ts';

/** How long all frames of one event, or of one burst, may take to arrive. */
const ARRIVE_MS = 120_000;
/** Between two looks at what has arrived. */
const LOOK_MS = 5;
/** POSTs under way at once, each on a connection that is kept. */
const CONNECTIONS = 64;

export interface Delivery {
  readonly frames: number;
  /** From the first POST to the last byte. */
  readonly seconds: number;
  readonly serverCpuS: number;
  readonly holderCpuS: number;
}

export class HeldStreams {
  readonly #holder: ChildProcess;
  readonly #server: Running;
  readonly #publisher: Pool;
  #failed: ((error: Error) => void) | null = null;

  /** @param publishTo Where changes are sent, when that is another process than the one that holds the streams. */
  constructor(server: Running, publishTo: Running = server) {
    this.#server = server;
    this.#publisher = new Pool(`http://127.0.0.1:${publishTo.port}`, { connections: CONNECTIONS });
    this.#holder = fork(new URL('holder.ts', import.meta.url), { execArgv: ['--import', 'tsx'] });
    this.#holder.once('exit', (code) => this.#failed?.(new Error(`the holder ended with ${code}`)));
  }

  /** Opens so many more, spread evenly over the channels `room0`, `room1` … @returns Seconds. */
  async open(
    streams: number,
    channels: number,
    cursors?: readonly string[],
    authorizations?: readonly string[],
  ): Promise<number> {
    const { port, paths } = this.#server;
    const order: OpenOrder = { kind: 'open', port, path: paths.subscribe, streams, channels };
    const answer = await this.#ask({
      ...order,
      ...(cursors && { cursors }),
      ...(authorizations && { authorizations }),
    });
    if (answer.kind !== 'opened') throw new Error(`the streams were not opened: ${JSON.stringify(answer)}`);
    return answer.seconds;
  }

  /** Sends events one at a time, each after the one before has reached every stream of its channel. */
  deliver(events: number, channel: string, perEvent: number): Promise<Delivery> {
    return this.#during(async (framesBefore) => {
      for (let i = 1; i <= events; i++) {
        await this.send(channel);
        await this.arrived(framesBefore + i * perEvent);
      }
    });
  }

  /** Sends all events at once, and waits until each has reached every stream of its channel. */
  burst(events: number, channel: string, perEvent: number): Promise<Delivery> {
    return this.#during(async (framesBefore) => {
      await Promise.all(Array.from({ length: events }, () => this.send(channel)));
      await this.arrived(framesBefore + events * perEvent);
    });
  }

  async send(channel: string): Promise<void> {
    const path = this.#server.paths.publish.replace('{channel}', channel);
    const { statusCode, body } = await this.#publisher.request({ method: 'POST', path, body: 'x' });
    await body.dump();
    if (statusCode >= 300) throw new Error(`a POST was answered ${statusCode}`);
  }

  /** Resolves when so many frames have been counted in all. */
  async arrived(frames: number): Promise<void> {
    const untilMs = performance.now() + ARRIVE_MS;
    for (;;) {
      const counted = await this.allOpen();
      if (counted.frames >= frames) return;
      if (performance.now() > untilMs) throw new Error(`only ${counted.frames} of ${frames} frames arrived`);
      await sleep(LOOK_MS);
    }
  }

  /** A stream that is refused politely is answered 200 and ended. */
  async allOpen(): Promise<Counted> {
    const counted = await this.counted();
    if (counted.closed > 0) throw new Error(`${counted.closed} streams were closed`);
    return counted;
  }

  async counted(): Promise<Counted> {
    return (await this.#ask({ kind: 'count' })) as Counted;
  }

  async close(): Promise<void> {
    await this.#publisher.destroy();
    await this.#ask({ kind: 'close' });
    this.#failed = null;
    this.#holder.disconnect();
  }

  async #during(deliveries: (framesBefore: number) => Promise<void>): Promise<Delivery> {
    const before = await this.counted();
    const cpuBefore = this.#server.cpuS();
    const startedMs = Date.now();
    await deliveries(before.frames);
    const after = await this.counted();
    return {
      frames: after.frames - before.frames,
      seconds: (after.lastMs - startedMs) / 1000,
      serverCpuS: this.#server.cpuS() - cpuBefore,
      holderCpuS: after.cpuS - before.cpuS,
    };
  }

  #ask(order: HolderOrder): Promise<HolderAnswer> {
    return new Promise((resolve, reject) => {
      this.#failed = reject;
      this.#holder.once('message', (message) => resolve(message as HolderAnswer));
      this.#holder.send(order);
    });
  }
}

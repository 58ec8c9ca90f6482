/** A server with streams held open against it, and what can be asked of the two: memory, deliveries, CPU. */
import { type ChildProcess, fork } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { request } from 'undici';
import type { HolderAnswer, HolderOrder } from './holder.ts';
import type { Running } from './process.ts';

/** How long all frames of one event may take to arrive. */
const ARRIVE_MS = 60_000;

export interface Delivery {
  readonly frames: number;
  readonly seconds: number;
  readonly serverCpuS: number;
  readonly holderCpuS: number;
}

export class HeldStreams {
  readonly #holder: ChildProcess;
  readonly #server: Running;
  #failed: ((error: Error) => void) | null = null;

  constructor(server: Running) {
    this.#server = server;
    this.#holder = fork(new URL('holder.ts', import.meta.url), { execArgv: ['--import', 'tsx'] });
    this.#holder.once('exit', (code) => this.#failed?.(new Error(`the holder ended with ${code}`)));
  }

  /** Opens so many more, spread evenly over the channels `room0`, `room1` … @returns Seconds. */
  async open(streams: number, channels: number): Promise<number> {
    const answer = await this.#ask({ kind: 'open', port: this.#server.port, streams, channels });
    return (answer as HolderAnswer & { kind: 'opened' }).seconds;
  }

  /** Sends events one at a time, each after the one before has reached every stream of its channel. */
  async deliver(events: number, channel: string, perEvent: number): Promise<Delivery> {
    const before = await this.#counted();
    const cpuBefore = this.#server.cpuS();
    const startedMs = performance.now();
    for (let i = 1; i <= events; i++) {
      await this.send(channel);
      await this.arrived(before.frames + i * perEvent);
    }
    const after = await this.#counted();
    return {
      frames: after.frames - before.frames,
      seconds: (performance.now() - startedMs) / 1000,
      serverCpuS: this.#server.cpuS() - cpuBefore,
      holderCpuS: after.cpuS - before.cpuS,
    };
  }

  async send(channel: string): Promise<void> {
    const { statusCode, body } = await request(`http://127.0.0.1:${this.#server.port}/c/${channel}`, {
      method: 'POST',
      body: 'x',
    });
    await body.dump();
    if (statusCode !== 204) throw new Error(`a POST was answered ${statusCode}`);
  }

  /** Resolves when so many frames have been counted in all. */
  async arrived(frames: number): Promise<void> {
    const untilMs = performance.now() + ARRIVE_MS;
    for (;;) {
      const counted = await this.#counted();
      if (counted.closed > 0) throw new Error(`${counted.closed} streams were closed`);
      if (counted.frames >= frames) return;
      if (performance.now() > untilMs) throw new Error(`only ${counted.frames} of ${frames} frames arrived`);
      await sleep(5);
    }
  }

  async frames(): Promise<number> {
    return (await this.#counted()).frames;
  }

  async close(): Promise<void> {
    await this.#ask({ kind: 'close' });
    this.#failed = null;
    this.#holder.disconnect();
  }

  async #counted(): Promise<HolderAnswer & { kind: 'counted' }> {
    return (await this.#ask({ kind: 'count' })) as HolderAnswer & { kind: 'counted' };
  }

  #ask(order: HolderOrder): Promise<HolderAnswer> {
    return new Promise((resolve, reject) => {
      this.#failed = reject;
      this.#holder.once('message', (message) => resolve(message as HolderAnswer));
      this.#holder.send(order);
    });
  }
}

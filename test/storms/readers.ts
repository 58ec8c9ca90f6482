/** Readers for the storm of those who do not read, and a publisher whose changes say when they were sent. */
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'undici';
import { streamRequest } from './kit.ts';

/** Large, so that what a connection holds in the kernel is full after seconds. */
export const CHANGE_BYTES = 4000;
const CONNECTIONS = 32;

/** Reads everything and keeps how long each event took, milliseconds. */
export class GoodReader {
  readonly socket: Socket;
  #tookMs: number[] = [];
  events = 0;
  #rest = '';

  constructor(port: number, channel: string) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.write(streamRequest(channel));
    this.socket.on('data', (bytes) => this.#take(bytes.toString('latin1'), performance.now()));
  }

  #take(text: string, nowMs: number): void {
    const whole = this.#rest + text;
    const end = whole.lastIndexOf('\n\n') + 1;
    this.#rest = whole.slice(end);
    for (const [, sentMs] of whole.slice(0, end).matchAll(/^data: ([\d.]+) /gm)) {
      this.events++;
      this.#tookMs.push(nowMs - Number(sentMs));
    }
  }

  /** What was measured since the last call. */
  taken(): number[] {
    const taken = this.#tookMs;
    this.#tookMs = [];
    return taken;
  }
}

/** Asks for a stream and never reads a byte of it. */
export function openBadReader(port: number, channel: string): Socket {
  const socket = connect(port, '127.0.0.1');
  socket.pause();
  socket.write(streamRequest(channel));
  return socket;
}

export class Publisher {
  readonly #pool: Pool;
  readonly #channels: readonly string[];
  #next = 0;

  constructor(url: string, channels: readonly string[]) {
    this.#pool = new Pool(url, { connections: CONNECTIONS });
    this.#channels = channels;
  }

  /** So many changes a second to the channels in turn, on a schedule. @returns How many went to each channel. */
  async publish(rate: number, seconds: number): Promise<number> {
    const perChannel = Math.ceil((rate * seconds) / this.#channels.length);
    const startedMs = performance.now();
    const sends: Promise<void>[] = [];
    for (let i = 0; i < perChannel * this.#channels.length; i++) {
      const waitMs = startedMs + (i * 1000) / rate - performance.now();
      if (waitMs > 0) await sleep(waitMs);
      sends.push(this.#send());
    }
    await Promise.all(sends);
    return perChannel;
  }

  async #send(): Promise<void> {
    const path = `/c/${this.#channels[this.#next++ % this.#channels.length]}`;
    const body = `${performance.now().toFixed(3)} `.padEnd(CHANGE_BYTES, '.');
    const { statusCode, body: answer } = await this.#pool.request({ method: 'POST', path, body });
    await answer.dump();
    if (statusCode !== 204) throw new Error(`a change was answered ${statusCode}`);
  }

  close(): Promise<void> {
    return this.#pool.destroy();
  }
}

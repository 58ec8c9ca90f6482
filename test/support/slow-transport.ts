/** A connection that takes so many bytes at once, and as many more whenever it is told to; what it was given is kept. */
import type { Transport, TransportListener } from '../../src/gateway/connection/transport.ts';
import { BUFFER_BYTES, type Line, linesOf } from './gateway-parts.ts';

export class SlowTransport implements Transport {
  #takesBytes: number;
  readonly writes: (Buffer | string)[] = [];
  readonly lines: Line[] = [];
  waitingBytes = 0;
  isClosed = false;
  listener: TransportListener | null = null;
  #room: number;
  #drained: (() => void)[] = [];

  /** @param takesBytes 0 for one that never reads. */
  constructor(takesBytes: number) {
    this.#takesBytes = takesBytes;
    this.#room = takesBytes;
  }

  get isFull(): boolean {
    return this.waitingBytes > BUFFER_BYTES;
  }

  write(bytes: Buffer | string): void {
    this.writes.push(bytes);
    this.lines.push(...linesOf(bytes.toString()));
    this.waitingBytes += Buffer.byteLength(bytes);
    this.#move();
  }

  take(): void {
    this.#room = this.#takesBytes;
    this.#move();
  }

  /** All of it, and whatever comes. */
  takeAll(): void {
    this.#takesBytes = Number.POSITIVE_INFINITY;
    this.take();
  }

  async drained(): Promise<void> {
    if (this.isFull && !this.isClosed) await new Promise<void>((resolve) => this.#drained.push(resolve));
  }

  isStalled(): boolean {
    return this.waitingBytes > 0;
  }

  end(): void {
    this.destroy();
  }

  destroy(): void {
    this.isClosed = true;
    this.#resume();
    this.listener?.connectionClosed();
  }

  #move(): void {
    const taken = Math.min(this.#room, this.waitingBytes);
    this.#room -= taken;
    this.waitingBytes -= taken;
    if (this.waitingBytes === 0) this.#resume();
  }

  #resume(): void {
    const waiting = this.#drained;
    this.#drained = [];
    for (const resolve of waiting) resolve();
  }
}

/**
 * A stream's connection, from behind its head on: what is written to it, what waits, and when it is full, stalled or gone.
 *
 * It is one small object with shared listeners, because there is one for each of a great many idle streams.
 */
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { ownerOf } from '../../http/owned-socket.ts';
import { type Handle, type LeftOverListener, writeDirectly } from './direct-write.ts';
import type { Transport, TransportListener } from './transport.ts';

/** How long a client may take for what was left to send and for closing its end. */
const END_MS = 2000;

type Outlet = (Socket | ServerResponse) & { [ownerOf]?: Connection | null };

/** What libuv itself knows of a socket: how much it was given, and how much of that the kernel has not taken. */
interface Counts {
  readonly bytesWritten?: number;
  readonly writeQueueSize?: number;
}

abstract class Connection implements Transport {
  protected readonly outlet: Outlet;
  readonly #fullBytes: number;
  #waiting: (() => void)[] | null = null;
  #takenBytes = 0;
  listener: TransportListener | null = null;

  /** @param fullBytes With more than this waiting it is full. */
  constructor(outlet: Outlet, fullBytes: number) {
    this.outlet = outlet;
    this.#fullBytes = fullBytes;
    outlet[ownerOf] = this;
    outlet.on('error', failed);
    outlet.on('close', closed);
  }

  abstract write(bytes: Buffer | string): void;

  /** What was written and the kernel has not taken yet. */
  protected abstract get waitingBytes(): number;

  get isFull(): boolean {
    return this.waitingBytes > this.#fullBytes;
  }

  get isClosed(): boolean {
    return this.outlet.destroyed || this.outlet.writableEnded;
  }

  async drained(): Promise<void> {
    if (!this.isFull || this.isClosed) return;
    this.#waiting ??= [];
    const waiting = this.#waiting;
    await new Promise<void>((resolve) => waiting.push(resolve));
  }

  isStalled(): boolean {
    if (this.waitingBytes === 0) return false;
    const taken = this.#taken();
    const isStalled = taken === this.#takenBytes;
    this.#takenBytes = taken;
    return isStalled;
  }

  end(bytes: Buffer | string): void {
    this.outlet.end(bytes);
    // The other end has to close too, and may not take what is left: it is not waited for long.
    setTimeout(() => this.destroy(), END_MS).unref();
  }

  destroy(): void {
    this.outlet.destroy();
  }

  resume(): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = null;
    for (const resolve of waiting) resolve();
  }

  /** How many bytes the kernel has taken so far. */
  #taken(): number {
    const socket = 'socket' in this.outlet ? this.outlet.socket : this.outlet;
    const { bytesWritten = 0, writeQueueSize = 0 } = (socket as { _handle?: Counts } | null)?._handle ?? {};
    return bytesWritten - writeQueueSize;
  }
}

/** A bare socket that is written to past Node's stream layer. */
export class DirectConnection extends Connection implements LeftOverListener {
  readonly #handle: Handle;
  #leftBytes = 0;

  constructor(socket: Socket, handle: Handle, fullBytes: number) {
    super(socket, fullBytes);
    this.#handle = handle;
  }

  protected get waitingBytes(): number {
    return this.#leftBytes;
  }

  write(bytes: Buffer | string): void {
    const buffer = typeof bytes === 'string' ? Buffer.from(bytes) : bytes;
    this.#leftBytes = writeDirectly(this.#handle, buffer, this);
  }

  leftOver(bytes: number): void {
    this.#leftBytes = bytes;
    if (bytes === 0) this.resume();
  }
}

/** A socket, or the plain response where a socket could not be had, written to as Node has it. */
export class NodeConnection extends Connection {
  constructor(outlet: Outlet, bufferBytes: number) {
    // Node tells of room again only where there was more than its own mark.
    super(outlet, Math.max(bufferBytes, outlet.writableHighWaterMark));
    outlet.on('drain', drained);
  }

  protected get waitingBytes(): number {
    return this.outlet.writableLength;
  }

  write(bytes: Buffer | string): void {
    this.outlet.write(bytes);
  }
}

function drained(this: Outlet): void {
  this[ownerOf]?.resume();
}

function failed(this: Outlet): void {
  this.destroy();
}

function closed(this: Outlet): void {
  const connection = this[ownerOf]!;
  connection.resume();
  connection.listener?.connectionClosed();
}

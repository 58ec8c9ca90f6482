/**
 * The transport: what a stream needs of its connection, and nothing else.
 *
 * The only place in the gateway that touches a socket. A transport that `isFull` is not to be written to until `drained`
 * resolves: what a client has not taken yet is kept as a position, not as bytes. It is one small object with shared
 * listeners, because there is one for each of a great many idle streams.
 */
import { type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyReply } from 'fastify';
import { takeSocket } from './bare-socket.ts';

/** Streams are told apart from other answers by these; the head is the same for every format but for its type. */
export function streamHead(contentType: string): Record<string, string> {
  return { 'content-type': contentType, 'cache-control': 'no-store, no-transform', 'x-accel-buffering': 'no' };
}

/** How long a client may take for what was left to send and for closing its end. */
const END_MS = 2000;

export interface Transport {
  write(bytes: Buffer | string): void;
  /** The connection takes no more for now. */
  readonly isFull: boolean;
  readonly isClosed: boolean;
  /** Resolves when the connection takes more again, or is closed. */
  drained(): Promise<void>;
  /** Whether something is waiting and nothing of it has been taken since the last call. */
  isStalled(): boolean;
  /** Sends what is left, then closes. */
  end(bytes: Buffer | string): void;
  destroy(): void;
  /** Told once, when the client has gone or after `end`. */
  listener: TransportListener | null;
}

export interface TransportListener {
  connectionClosed(): void;
}

/**
 * Takes a reply over from fastify, after all its hooks, and begins the response.
 *
 * @returns null when the client has left meanwhile.
 */
export async function openTransport(
  reply: FastifyReply,
  head: Readonly<Record<string, string>>,
  bufferBytes: number,
): Promise<Transport | null> {
  const response = reply.raw;
  reply.hijack();
  const headers = { ...(reply.getHeaders() as Record<string, string>), ...head };
  const socket = await takeSocket(response);
  if (socket === null) {
    if (!response.socket || response.destroyed) return null;
    response.writeHead(200, headers);
    response.flushHeaders();
    return new ConnectionTransport(response, bufferBytes);
  }
  if (socket.destroyed || socket.readableEnded) {
    socket.destroy();
    return null;
  }
  const transport = new ConnectionTransport(socket, bufferBytes);
  socket.on('end', socket.destroy);
  socket.resume();
  socket.write(headText(headers));
  return transport;
}

/** The response ends with the connection, so no framing has to be written around each event (RFC 9112 §6.3). */
function headText(headers: Readonly<Record<string, string | number | string[]>>): string {
  let text = `HTTP/1.1 200 ${STATUS_CODES[200]}\r\nDate: ${new Date().toUTCString()}\r\nConnection: close\r\n`;
  for (const [name, value] of Object.entries(headers)) text += `${name}: ${value}\r\n`;
  return `${text}\r\n`;
}

/** A socket, or the plain response where a socket could not be had. Both are written to in the same way. */
type Outlet = (Socket | ServerResponse) & { [transportOf]?: ConnectionTransport };

const transportOf = Symbol('transport');

/** What libuv itself knows of a socket: how much it was given, and how much of that the kernel has not taken. */
interface Handle {
  readonly bytesWritten?: number;
  readonly writeQueueSize?: number;
}

export class ConnectionTransport implements Transport {
  readonly #outlet: Outlet;
  readonly #bufferBytes: number;
  #waiting: (() => void)[] | null = null;
  #takenBytes = 0;
  listener: TransportListener | null = null;

  constructor(outlet: Outlet, bufferBytes: number) {
    this.#outlet = outlet;
    this.#bufferBytes = bufferBytes;
    outlet[transportOf] = this;
    outlet.on('drain', drained);
    outlet.on('error', failed);
    outlet.on('close', closed);
  }

  get isFull(): boolean {
    return this.#outlet.writableLength > this.#bufferBytes;
  }

  get isClosed(): boolean {
    return this.#outlet.destroyed || this.#outlet.writableEnded;
  }

  write(bytes: Buffer | string): void {
    this.#outlet.write(bytes);
  }

  async drained(): Promise<void> {
    if (!this.isFull || this.isClosed) return;
    this.#waiting ??= [];
    const waiting = this.#waiting;
    await new Promise<void>((resolve) => waiting.push(resolve));
  }

  isStalled(): boolean {
    if (this.#outlet.writableLength === 0) return false;
    const taken = this.#taken();
    const isStalled = taken === this.#takenBytes;
    this.#takenBytes = taken;
    return isStalled;
  }

  end(bytes: Buffer | string): void {
    this.#outlet.end(bytes);
    // The other end has to close too, and may not take what is left: it is not waited for long.
    setTimeout(() => this.destroy(), END_MS).unref();
  }

  destroy(): void {
    this.#outlet.destroy();
  }

  resume(): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = null;
    for (const resolve of waiting) resolve();
  }

  /** How many bytes the kernel has taken so far. */
  #taken(): number {
    const socket = 'socket' in this.#outlet ? this.#outlet.socket : this.#outlet;
    const { bytesWritten = 0, writeQueueSize = 0 } = (socket as { _handle?: Handle } | null)?._handle ?? {};
    return bytesWritten - writeQueueSize;
  }
}

function drained(this: Outlet): void {
  this[transportOf]?.resume();
}

function failed(this: Outlet): void {
  this.destroy();
}

function closed(this: Outlet): void {
  const transport = this[transportOf]!;
  transport.resume();
  transport.listener?.connectionClosed();
}

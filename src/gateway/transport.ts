/**
 * The transport: what a stream needs of its connection, and nothing else.
 *
 * A transport that `isFull` is not to be written to until `drained` resolves: what a client has not taken yet is kept as a
 * position, not as bytes.
 */
import { STATUS_CODES } from 'node:http';
import type { FastifyReply } from 'fastify';
import { takeSocket } from './bare-socket.ts';
import { DirectConnection, NodeConnection } from './connection.ts';
import { canWriteDirectly, writeAndLearn } from './direct-write.ts';

/** Streams are told apart from other answers by these; the head is the same for every format but for its type. */
export function streamHead(contentType: string): Record<string, string> {
  return { 'content-type': contentType, 'cache-control': 'no-store, no-transform', 'x-accel-buffering': 'no' };
}

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
    return new NodeConnection(response, bufferBytes);
  }
  if (socket.destroyed || socket.readableEnded) {
    socket.destroy();
    return null;
  }
  writeAndLearn(socket, Buffer.from(headText(headers)));
  const Connection = canWriteDirectly(socket) ? DirectConnection : NodeConnection;
  const transport = new Connection(socket, bufferBytes);
  socket.on('end', socket.destroy);
  socket.resume();
  return transport;
}

/** The response ends with the connection, so no framing has to be written around each event (RFC 9112 §6.3). */
function headText(headers: Readonly<Record<string, string | number | string[]>>): string {
  let text = `HTTP/1.1 200 ${STATUS_CODES[200]}\r\nDate: ${new Date().toUTCString()}\r\nConnection: close\r\n`;
  for (const [name, value] of Object.entries(headers)) text += `${name}: ${value}\r\n`;
  return `${text}\r\n`;
}

/**
 * Opens a stream's connection: takes the reply over from fastify, sends the head, and chooses how the rest is written.
 */
import { STATUS_CODES } from 'node:http';
import type { FastifyReply } from 'fastify';
import { Problem } from '../../errors.ts';
import { takeSocket } from './bare-socket.ts';
import { DirectConnection, NodeConnection } from './connection.ts';
import { directHandle, writeAndLearn } from './direct-write.ts';
import type { Transport } from './transport.ts';

/** The head is the same for every format but for its type, which no browser is to guess at: it would wait for a kilobyte first. */
const STREAM_FIELDS = {
  'cache-control': 'no-store, no-transform',
  'x-accel-buffering': 'no',
  'x-content-type-options': 'nosniff',
};

/** Streams are told apart from other answers by these. */
export function streamHead(contentType: string): Record<string, string> {
  return { 'content-type': contentType, ...STREAM_FIELDS };
}

const BEHIND_ANOTHER =
  'A stream begins when all before it on its connection is answered: wait for that, or take another connection.';

/**
 * Pipelined: its socket is still another answer's, and will never be its own where that is a stream. So it is not waited for;
 * a plain answer is sent by Node in its turn.
 */
function isBehindAnother({ raw, request }: FastifyReply): boolean {
  return raw.socket === null && !raw.destroyed && !request.raw.socket.destroyed;
}

/**
 * Takes a reply over from fastify, after all its hooks, and begins the response.
 *
 * @returns null when the client has left meanwhile.
 * @throws {Problem} before anything is done, where it is not this reply's turn.
 */
export async function openTransport(
  reply: FastifyReply,
  head: Readonly<Record<string, string>>,
  bufferBytes: number,
): Promise<Transport | null> {
  const response = reply.raw;
  if (isBehindAnother(reply)) throw new Problem('bad_request', BEHIND_ANOTHER);
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
  const handle = directHandle(socket);
  const transport = handle
    ? new DirectConnection(socket, handle, bufferBytes)
    : new NodeConnection(socket, bufferBytes);
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

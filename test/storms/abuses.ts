/**
 * Ways in which a client connects to a stream and is gone again. Each is over when the client's socket is closed; one that
 * the server keeps open, although the client has said that it is done, rejects.
 */
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../support/random.ts';
import { streamRequest } from './kit.ts';

/** An address has some 28,000 ports, and those just given back stay taken for a minute. */
const SOURCES = 60;
/** How long a client stays once the first bytes have come, at most. */
const STAY_MAX_MS = 30;
/** Far beyond what a server on a busy machine takes to answer, or to close after us. */
const PATIENCE_MS = 20_000;

const GARBAGE = Buffer.from('\0\xff\xfe GET / HTTP/9.9\r\nContent-Length: -1\r\n\r\n{"not": http}\r\n\r\n', 'latin1');
const HALF_REQUEST_BYTES = 40;

type Abuse = (socket: Socket, asked: string, random: Random) => Promise<void> | void;

export const abuses: Readonly<Record<string, Abuse>> = {
  async 'aborted before the answer'(socket, asked) {
    await written(socket, asked);
    socket.destroy();
  },
  async 'aborted in the middle of the request'(socket, asked) {
    await written(socket, asked.slice(0, HALF_REQUEST_BYTES));
    socket.destroy();
  },
  async 'aborted while open'(socket, asked, random) {
    await opened(socket, asked, random);
    socket.destroy();
  },
  async 'reset before the answer'(socket, asked) {
    await written(socket, asked);
    socket.resetAndDestroy();
  },
  async 'reset while open'(socket, asked, random) {
    await opened(socket, asked, random);
    socket.resetAndDestroy();
  },
  'half-closed with the request'(socket, asked) {
    socket.resume();
    socket.end(asked);
  },
  async 'half-closed while open'(socket, asked, random) {
    await opened(socket, asked, random);
    socket.end();
  },
  async 'followed by pipelined garbage'(socket, asked, random) {
    await opened(socket, Buffer.concat([Buffer.from(asked), GARBAGE]), random);
    socket.end();
  },
  async 'followed by garbage later'(socket, asked, random) {
    await opened(socket, asked, random);
    await written(socket, GARBAGE);
    socket.end();
  },
  async 'followed by another request'(socket, asked, random) {
    await opened(socket, asked + asked, random);
    socket.destroy();
  },
};

/** Resolves when it is over. */
export function commit(abuse: Abuse, port: number, index: number, random: Random): Promise<void> {
  const localAddress = `127.0.1.${1 + (index % SOURCES)}`;
  const socket = connect({ port, host: '127.0.0.1', localAddress, allowHalfOpen: false });
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => {
      reject(new Error(`the server has kept a connection for ${PATIENCE_MS} ms`));
      socket.destroy();
    }, PATIENCE_MS);
    // The server may well reset what it takes for nonsense.
    socket.on('error', () => {});
    socket.once('close', () => {
      clearTimeout(late);
      resolve();
    });
    void abuse(socket, streamRequest('storm'), random);
  });
}

function written(socket: Socket, bytes: string | Buffer): Promise<void> {
  return new Promise((resolve) => {
    socket.write(bytes, () => resolve());
    socket.once('close', () => resolve());
  });
}

/** The answer has begun, and a moment has passed. */
async function opened(socket: Socket, bytes: string | Buffer, random: Random): Promise<void> {
  socket.write(bytes);
  await new Promise<void>((resolve) => {
    socket.once('data', () => resolve());
    socket.once('close', () => resolve());
  });
  await sleep(random.int(STAY_MAX_MS));
}

/**
 * All connections that Node's HTTP server has: each is fed by hand (`connection.ts`), and closed when it does not take its
 * answer. Those that became streams leave at once.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Chain } from '../domain/chain.ts';
import type { Metrics } from '../metrics.ts';
import { HttpConnection } from './connection.ts';
import { ownerOf, type SocketOf } from './owned-socket.ts';
import type { Pace } from './pace.ts';

/** Looks at all connections in each time of a stall: by so much a part of it one is closed late. */
const LOOKS_PER_STALL = 6;
const LOOK_MIN_MS = 10;

/** What a socket emits when it is taken from the HTTP layer. */
export const TAKEN = 'taken';

export interface ConnectionsOptions {
  /** How long an answer may be unsent without progress. */
  readonly stallMs: number;
  readonly pace: Pace;
  readonly metrics: Pick<Metrics, 'connectionsCut'>;
}

export interface Connections {
  /** Not a byte of it was a request's: nobody waits for an answer. */
  isSilent(socket: Socket): boolean;
  [Symbol.iterator](): Iterator<HttpConnection>;
}

type OwnSocket = SocketOf<HttpConnection>;

/** Must be called before the server listens. */
export function openConnections(server: Server, { stallMs, pace, metrics }: ConnectionsOptions): Connections {
  const connections = new Chain<HttpConnection>();
  const accept = server.listeners('connection') as ((socket: Socket) => void)[];
  const handle = server.listeners('request') as ((request: IncomingMessage, response: ServerResponse) => void)[];
  server.removeAllListeners('connection');
  server.removeAllListeners('request');
  // Who has sent all and closed that direction still gets its answers.
  (server as Server & { httpAllowHalfOpen: boolean }).httpAllowHalfOpen = true;

  const run = (request: IncomingMessage, response: ServerResponse) => {
    for (const listener of handle) listener.call(server, request, response);
  };
  server.on('connection', (socket: OwnSocket) => {
    for (const listener of accept) listener.call(server, socket);
    const connection = new HttpConnection(socket, run, pace);
    socket[ownerOf] = connection;
    connections.append(connection);
    const leave = () => {
      socket[ownerOf] = null;
      connections.remove(connection);
    };
    socket.on('close', leave);
    // Somebody takes it for a stream (`gateway/connection/bare-socket.ts`): nothing of ours may stay with it.
    socket.on(TAKEN, leave);
  });
  server.on('request', (request, response) => {
    (request.socket as OwnSocket)[ownerOf]?.enter(request, response);
  });

  // Node's own 417 is no problem document; `strict.ts` has one.
  server.on('checkExpectation', (request, response) => server.emit('request', request, response));

  const looking = setInterval(look, Math.max(LOOK_MIN_MS, stallMs / LOOKS_PER_STALL));
  looking.unref();
  server.on('close', () => clearInterval(looking));

  function look(): void {
    const nowMs = performance.now();
    for (const connection of connections) {
      if (connection.isGone) {
        connections.remove(connection);
      } else if (connection.stalledMs(nowMs) >= stallMs) {
        connection.destroy();
        metrics.connectionsCut.inc({ reason: 'unread' });
      }
    }
  }

  return {
    isSilent: (socket: OwnSocket) => socket[ownerOf]?.isSilent ?? true,
    [Symbol.iterator]: () => connections[Symbol.iterator](),
  };
}

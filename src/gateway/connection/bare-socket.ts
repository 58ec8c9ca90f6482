/**
 * Takes the socket of a request away from Node's HTTP layer: what is left of a stream is a socket and nothing else.
 *
 * A response that stays open keeps its parser, its request, its headers and nine listeners: half of what an idle stream
 * costs, and a third of what each write does. None of it has any use once the head is written.
 *
 * This leans on internals of Node, the same in 20, 24 and 26. Their shape is looked at first; where it is another one, the
 * answer is null and the plain response serves. Rules that were learnt the hard way: the parser must not be closed
 * inside its own callback, which crashes the process, hence the turn in between; in that turn it must hand out no
 * request, which does as well; and the server's sockets stay half open, so a client that leaves is only noticed by reading
 * until `end`.
 */
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { TAKEN } from '../../http/connections.ts';

interface Parser {
  unconsume(): void;
  remove(): void;
  close(): void;
  socket: unknown;
  incoming: unknown;
  outgoing: unknown;
  onIncoming: unknown;
}

interface HttpSocket extends Socket {
  parser?: Partial<Parser> | null;
  _httpMessage?: unknown;
  /** Of an `EventEmitter`: by event one that listens, or several. */
  _events?: Record<string, unknown>;
  _eventsCount?: number;
}

/** In place of the table that an emitter has, which takes 200 bytes: all that the new owner listens to. */
class Listeners {
  readonly [event: string]: unknown;
  end = undefined;
  error = undefined;
  close = undefined;
}
Object.setPrototypeOf(Listeners.prototype, null);

/** Node's own name for it, once one was seen. */
let timeoutOf: symbol | undefined;

/** All that the HTTP layer listens to, and we. Its `close`, `error` and `end` are replaced by the new owner's. */
const OTHERS_EVENTS = [
  'close',
  'error',
  'drain',
  'data',
  'readable',
  'end',
  'timeout',
  'resume',
  'pause',
  TAKEN,
] as const;

/**
 * @returns The socket, one turn of the event loop later, which may have been closed in between; null, at once and with
 * nothing changed, when this Node is not made as expected.
 */
export function takeSocket(response: ServerResponse): Promise<Socket> | null {
  const socket = response.socket as HttpSocket | null;
  if (!socket || socket._httpMessage !== response || !isParser(socket.parser)) return null;
  const { parser } = socket;
  response.detachSocket(socket);
  // What is pipelined behind may still be parsed in this turn. As a request it would be given the socket that was just
  // taken, and its end would break what Node asserts, which ends the process.
  parser.onIncoming = ignore;
  return new Promise((resolve) => {
    setImmediate(() => {
      // A client that has gone meanwhile has taken the parser with it.
      if (socket.parser === parser) release(socket, parser);
      resolve(socket);
    });
  });
}

/** 0: the parser goes on, and nobody is told. */
function ignore(): number {
  return 0;
}

function isParser(parser: HttpSocket['parser']): parser is Parser {
  return (
    typeof parser?.unconsume === 'function' &&
    typeof parser.remove === 'function' &&
    typeof parser.close === 'function' &&
    'onIncoming' in parser
  );
}

function release(socket: HttpSocket, parser: Parser): void {
  socket.emit(TAKEN);
  // A table of listeners that lived for long and is dead, as each is that V8 replaces by a smaller one, holds what it has until
  // the whole heap is collected: all of the request.
  const { _events: events = {} } = socket;
  for (const event of OTHERS_EVENTS) if (events[event] !== undefined) events[event] = ignore;
  for (const event of OTHERS_EVENTS) socket.removeAllListeners(event);
  if (socket._eventsCount === 0) socket._events = new Listeners();
  socket.setTimeout(0);
  forgetTimeout(socket);
  parser.unconsume();
  parser.remove();
  parser.socket = null;
  parser.incoming = null;
  parser.outgoing = null;
  parser.onIncoming = null;
  parser.close();
  socket.parser = null;
}

/** A socket keeps the last timer it had, also one that is off: 160 bytes. */
function forgetTimeout(socket: Socket): void {
  timeoutOf ??= Object.getOwnPropertySymbols(socket).find(({ description }) => description === 'timeout');
  if (timeoutOf !== undefined) (socket as unknown as Record<symbol, unknown>)[timeoutOf] = null;
}

/**
 * The shortcut: plain requests (`plain-request.ts`) are answered from the bytes of their connection, past Node's HTTP layer and
 * fastify, which together cost more than all the rest of a POST.
 *
 * Every connection begins here. With the first chunk that is anything but one plain request that somebody wants, it is handed
 * over to Node's HTTP server, chunk and all, and stays there: nothing has been done with that chunk, so what is refused, and
 * how, is decided in one place only. What is left here is idle or waits for one answer; a chunk that comes meanwhile is kept
 * back until that is written, and then handed over. To hand one over costs as much as a plain request: it enters the server's
 * pace first (`pace.ts`), and is silent until it is its turn.
 *
 *   reading ──plain──► answering ──answer──► reading
 *      └──anything else──► leaving ──its turn──► handed over
 *                             ▲──more came meanwhile──┘ (from answering)
 */
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Address } from '../access/limits.ts';
import { Chain, type Linked } from '../domain/chain.ts';
import type { Addresses, Hop } from './addresses.ts';
import type { OtherConnections } from './closing.ts';
import { ownerOf, type SocketOf } from './owned-socket.ts';
import type { Pace, Paced } from './pace.ts';
import { peerAddressOf } from './peer-address.ts';
import type { Admits } from './plain-forgery.ts';
import { type EndOfKnown, type PlainRequest, readPlainRequest } from './plain-request.ts';
import type { ClosableConnection } from './room.ts';
import { asksForStream } from './stream-request.ts';

/** Takes the answer to a request: one of the two is called, once, in a later turn or in this one. */
export interface PlainAnswer {
  /** Where the request comes from. @param chunk That it is in. */
  from(request: PlainRequest, chunk: Buffer): Address;
  noContent(): void;
  failed(error: Error): void;
}

/**
 * @param chunk That the request is in.
 * @returns false when the request is not for it: then nothing was done, and `answer` is not called.
 */
export type PlainHandler = (request: PlainRequest, answer: PlainAnswer, chunk: Buffer) => boolean;

export interface ShortcutOptions {
  readonly handler: PlainHandler;
  /** Whether a request may be answered here, as far as its Host and origin tell. */
  readonly admits: Admits;
  readonly maxBodyBytes: number;
  /** The handler is asked next where it has found one. */
  readonly endOfKnown: EndOfKnown;
  readonly pace: Pace;
  readonly addresses: Addresses;
  /** How long a connection may take for its first byte. */
  readonly firstByteMs: number;
  /** How long one may be idle between two requests. */
  readonly keepAliveMs: number;
  /** The fields of an answer that depend on who asks, each with its CR LF. */
  fieldsFor(origin: string): string;
  /** The whole answer to a request that failed. @param fields That every answer has, each with its CR LF. */
  failure(error: Error, fields: string): string;
}

/** Once it is told to close, new requests are Node's. */
export interface Shortcut extends OtherConnections {
  readonly connections: Iterable<ClosableConnection>;
}

/** Must be called before the server listens, and after everybody else who wants to see its connections. */
export function openShortcut(server: Server, options: ShortcutOptions): Shortcut {
  const handOver = server.listeners('connection') as ((socket: Socket) => void)[];
  server.removeAllListeners('connection');
  const shared: Shared = {
    ...options,
    connections: new Chain(),
    isClosing: false,
    handOver(socket) {
      for (const listener of handOver) listener.call(server, socket);
    },
  };
  server.on('connection', (socket: Socket) => {
    if (shared.isClosing) shared.handOver(socket);
    else new PlainConnection(socket, shared);
  });
  return {
    connections: shared.connections,
    close() {
      shared.isClosing = true;
      for (const connection of shared.connections) connection.closeIfIdle();
    },
    closeAll() {
      for (const connection of shared.connections) connection.destroy();
    },
  };
}

interface Shared extends ShortcutOptions {
  readonly connections: Chain<PlainConnection>;
  isClosing: boolean;
  handOver(socket: Socket): void;
}

type OwnSocket = SocketOf<PlainConnection>;

/** What a connection listens to while it is here; Node's HTTP layer has its own. */
const listeners = {
  data(this: OwnSocket, chunk: Buffer) {
    this[ownerOf]?.received(chunk);
  },
  end(this: OwnSocket) {
    this[ownerOf]?.ended();
  },
  timeout(this: OwnSocket) {
    this[ownerOf]?.timedOut();
  },
  error(this: OwnSocket) {
    this.destroy();
  },
  close(this: OwnSocket) {
    this[ownerOf]?.closed();
  },
} as const;

const LISTENERS = Object.entries(listeners);

class PlainConnection implements PlainAnswer, ClosableConnection, Linked, Paced {
  previous: Linked | undefined = undefined;
  next: Linked | undefined = undefined;
  readonly #socket: OwnSocket;
  readonly #shared: Shared;
  /** Answering or leaving. */
  #isBusy = false;
  #hasAnswered = false;
  /** The client will not send any more. */
  #isEnded = false;
  #origin: string | undefined;
  /** It leaves with a request for a stream. */
  hasTime = false;
  /** Looked up with the first request, for connections that never ask. */
  #peer: Hop | undefined;
  /** More came while a request was being answered. It stands in the socket again, so that its end comes after it. */
  #hasMore = false;
  usedAtS: number;

  constructor(socket: Socket, shared: Shared) {
    this.#socket = socket;
    this.#shared = shared;
    this.usedAtS = Math.floor(Date.now() / 1000);
    this.#socket[ownerOf] = this;
    shared.connections.append(this);
    for (const [event, listener] of LISTENERS) socket.on(event, listener);
    socket.setTimeout(shared.firstByteMs);
  }

  received(chunk: Buffer): void {
    if (this.#isBusy) {
      this.#hasMore = true;
      this.#putBack(chunk);
      return;
    }
    const { handler, admits, maxBodyBytes, endOfKnown } = this.#shared;
    const request = readPlainRequest(chunk, maxBodyBytes, endOfKnown);
    this.#isBusy = true;
    if (request !== undefined && admits(request, chunk)) {
      this.#origin = request.origin;
      if (handler(request, this, chunk)) return;
    }
    this.#leave(chunk);
  }

  from({ forwardedStart: start, forwardedEnd: end }: PlainRequest, chunk: Buffer): Address {
    const { addresses } = this.#shared;
    this.#peer ??= addresses.peer(peerAddressOf(this.#socket));
    return addresses.of(this.#peer, start === 0 ? undefined : chunk.toString('latin1', start, end));
  }

  noContent(): void {
    this.#answer(`HTTP/1.1 204 No Content\r\n${this.#fields()}\r\n`);
  }

  failed(error: Error): void {
    this.#answer(this.#shared.failure(error, this.#fields()));
  }

  ended(): void {
    this.#isEnded = true;
    if (!this.#isBusy) this.#socket.end();
  }

  /** Never while a request is being answered: that takes less time than either. */
  timedOut(): void {
    if (this.#isBusy) return;
    // Without an answer: nobody has asked. To a browser that connected ahead, a 408 would be the answer to what it asks next.
    this.#socket.destroy();
  }

  closed(): void {
    this.#shared.connections.remove(this);
  }

  get isIdle(): boolean {
    return !this.#isBusy;
  }

  get hasAsked(): boolean {
    return this.#hasAnswered;
  }

  closeIfIdle(): void {
    if (this.isIdle) this.destroy();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #fields(): string {
    const date = `Date: ${httpDate()}\r\n`;
    this.usedAtS = dateSecond;
    return this.#origin === undefined ? date : date + this.#shared.fieldsFor(this.#origin);
  }

  #answer(text: string): void {
    const socket = this.#socket;
    this.#isBusy = false;
    if (socket.destroyed) return;
    const isTaken = socket.write(text);
    if (!this.#hasAnswered) {
      this.#hasAnswered = true;
      socket.setTimeout(this.#shared.keepAliveMs);
    }
    if (!this.#hasMore && (this.#isEnded || this.#shared.isClosing)) {
      // Not `end`, which would wait for the other side to close as well.
      socket.destroySoon();
    } else if (this.#hasMore || !isTaken) {
      // Who does not wait for answers, or does not read them, is served by those who know how to hold back.
      this.#leave();
    }
  }

  get address(): string {
    return peerAddressOf(this.#socket) ?? '';
  }

  /** @param chunk That was read, and is for those who come after us. */
  #leave(chunk?: Buffer): void {
    this.#isBusy = true;
    this.hasTime = chunk !== undefined && asksForStream(chunk);
    this.#putBack(chunk);
    if (this.#shared.pace.enter(this)) this.proceed();
  }

  #putBack(chunk: Buffer | undefined): void {
    this.#socket.pause();
    if (chunk !== undefined) this.#socket.unshift(chunk);
  }

  /** Is handed over. */
  proceed(): void {
    const socket = this.#socket;
    if (socket.destroyed) return;
    socket[ownerOf] = null;
    this.closed();
    for (const [event, listener] of LISTENERS) socket.removeListener(event, listener);
    socket.setTimeout(0);
    this.#shared.handOver(socket);
    socket.resume();
  }
}

let dateSecond = 0;
let dateText = '';

/** RFC 9110 §5.6.7, made once a second. */
function httpDate(): string {
  const second = Math.floor(Date.now() / 1000);
  if (second !== dateSecond) {
    dateSecond = second;
    dateText = new Date(second * 1000).toUTCString();
  }
  return dateText;
}

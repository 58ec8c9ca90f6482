/**
 * A connection that Node's HTTP server has: its requests are parsed, run and answered a few at a time, in order.
 *
 * Node parses all that has arrived and runs every request in it: 64 KiB of pipelined requests are some thousand at once, each
 * with its answer in memory. So the parser is fed by hand, in pieces, and with nothing more while a request waits; the rest
 * stays in the socket, whose own limit then stops the client. Requests of one piece that may not run yet wait as Node made
 * them, which is the most that a connection holds.
 *
 * An answer counts as under way until the kernel has taken all of it, so who does not read has no further request run.
 * Before it is fed, and before one of its waiting requests is begun, a connection enters the server's pace (`pace.ts`).
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Linked } from '../domain/chain.ts';
import { linger } from './linger.ts';
import type { Pace, Paced } from './pace.ts';
import { peerAddressOf } from './peer-address.ts';
import { Progress } from './progress.ts';
import type { ClosableConnection } from './room.ts';

/** Two, not one: a stream behind a request without its answer is told so (P9), and need not wait for it. */
const UNDER_WAY_MAX = 2;
/** Behind any other method nothing is begun before its answer: what follows may rely on its effect (RFC 9112, section 9.3.2). */
const SAFE = new Set(['GET', 'HEAD', 'OPTIONS']);
/** A second one is not begun while more than this of the first is unsent. */
const UNSENT_MAX_BYTES = 64 * 1024;
/** The smallest request has 18 bytes, and takes 4 KiB as Node's objects: a piece is 28 of them at most. */
const PIECE_BYTES = 512;
/** For who has sent all and waits for answers. Any but a poll's comes sooner; who has left looks just the same. */
export const HALF_CLOSED_MS = 2_000;

export type RunRequest = (request: IncomingMessage, response: ServerResponse) => void;

/** What Node's HTTP layer keeps at a socket: no parser when it has let go of it; paused, it must not be fed. */
export interface HttpSocket extends Socket {
  parser?: object | null;
  _paused?: boolean;
}

export class HttpConnection implements ClosableConnection, Linked, Paced {
  previous: Linked | undefined = undefined;
  next: Linked | undefined = undefined;
  readonly #socket: HttpSocket;
  readonly #run: RunRequest;
  readonly #pace: Pace;
  readonly #underWay: ServerResponse[] = [];
  readonly #waiting: [IncomingMessage, ServerResponse][] = [];
  #newest: IncomingMessage | null = null;
  /** What is certainly still to come of the newest request's body: that holds no other request, whatever its size. */
  #bodyLeft = 0;
  #isFed = false;
  /** For its turn. */
  #isWaiting = false;
  #mayLinger = false;
  readonly #progress = new Progress();
  usedAtS: number;

  /** Must be made right after Node's HTTP server was given the socket. */
  constructor(socket: Socket, run: RunRequest, pace: Pace) {
    this.#socket = socket;
    this.#run = run;
    this.#pace = pace;
    this.usedAtS = nowS();
    // That somebody listens to `readable` is what makes the socket wait to be read.
    socket.on('readable', () => this.#feed());
    socket.on('end', () => this.#ended());
    socket.on('close', () => this.#closed());
  }

  /** Node's HTTP layer no longer has the socket: it is closed, or a stream's. */
  get isGone(): boolean {
    return this.#socket.destroyed || this.#socket.parser == null;
  }

  /** Nothing is under way. A request whose head is not complete is nothing. */
  get isIdle(): boolean {
    return this.#underWay.length === 0 && (this.#newest === null || this.#newest.complete);
  }

  get hasAsked(): boolean {
    return this.#newest !== null;
  }

  /** It was given no byte: nobody waits for an answer. */
  get isSilent(): boolean {
    return !this.#isFed;
  }

  enter(request: IncomingMessage, response: ServerResponse): void {
    this.usedAtS = nowS();
    this.#newest = request;
    // A part of the body may be in the piece that its head ended in.
    this.#bodyLeft = Number(request.headers['content-length'] ?? 0) - PIECE_BYTES;
    if (!this.#mayLinger && hasBody(request)) this.#lingerBehindAnswer();
    if (this.#mayRun()) this.#begin(request, response);
    else this.#waiting.push([request, response]);
  }

  /** For how long nothing of what is unsent has been taken, milliseconds. */
  stalledMs(nowMs: number): number {
    return this.#progress.stalledMs(this.#socket, nowMs);
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #mayRun(): boolean {
    const [first] = this.#underWay;
    if (first === undefined) return true;
    return (
      this.#underWay.length < UNDER_WAY_MAX &&
      SAFE.has(first.req.method!) &&
      this.#socket.writableLength <= UNSENT_MAX_BYTES
    );
  }

  #begin(request: IncomingMessage, response: ServerResponse): void {
    this.#underWay.push(response);
    response.once('close', () => this.#answered(response));
    this.#run(request, response);
  }

  #answered(response: ServerResponse): void {
    this.#underWay.splice(this.#underWay.indexOf(response), 1);
    this.usedAtS = nowS();
    if (this.#waiting.length === 0) {
      this.#feed();
    } else if (!this.#isWaiting) {
      // In a turn of its own: a long row of requests that are answered at once is not one turn.
      this.#isWaiting = true;
      this.#pace.wait(this);
    }
  }

  get address(): string {
    return peerAddressOf(this.#socket) ?? '';
  }

  proceed(): void {
    this.#isWaiting = false;
    while (this.#waiting.length > 0 && this.#mayRun()) this.#begin(...this.#waiting.shift()!);
    this.#feedAll();
  }

  /** The rest of a body is fed whatever is under way: its request waits for it. */
  #mayFeed(): boolean {
    if (this.#socket._paused === true || this.#waiting.length > 0) return false;
    return this.#mayRun() || this.#newest?.complete === false;
  }

  #feed(): void {
    if (this.#isWaiting) return;
    this.#isWaiting = this.#socket.readableLength > 0 && this.#mayFeed() && !this.#pace.enter(this);
    if (!this.#isWaiting) this.#feedAll();
  }

  #feedAll(): void {
    const socket = this.#socket;
    while (socket.readableLength > 0 && this.#mayFeed()) {
      this.#isFed = true;
      const piece = Math.min(Math.max(PIECE_BYTES, this.#bodyLeft), socket.readableLength);
      // Before it is read: a request that begins in it has a body of its own.
      this.#bodyLeft -= piece;
      socket.read(piece);
    }
    // Asks for more, or learns that there is none.
    if (socket.readableLength === 0) socket.read();
  }

  /** Node calls it behind the last answer, which may come before the end of its request. */
  #lingerBehindAnswer(): void {
    this.#mayLinger = true;
    const { destroySoon } = Object.getPrototypeOf(this.#socket) as Socket;
    this.#socket.destroySoon = () => {
      if (this.#newest?.complete === false) linger(this.#socket);
      else destroySoon.call(this.#socket);
    };
  }

  /** Node closes it behind the last answer. */
  #ended(): void {
    if (!this.isIdle) setTimeout(() => this.#socket.destroy(), HALF_CLOSED_MS).unref();
  }

  /** Node tells only the answer whose turn it is. */
  #closed(): void {
    this.#waiting.length = 0;
    for (const response of [...this.#underWay]) {
      response.destroyed = true;
      response.emit('close');
    }
  }
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined;
}

function nowS(): number {
  return Math.floor(Date.now() / 1000);
}

/**
 * Keep-alive connections for POSTs: one request each at a time, as many connections as are needed up to a limit.
 *
 * Every request ends in exactly one outcome: the status it was answered with, or that nothing is known of it.
 */
import { connect, type Socket } from 'node:net';
import type { Address } from '../run/messages.ts';

export interface Outcome {
  /** 0 when nothing is known: reset, closed or timed out. */
  readonly status: number;
  readonly retryAfterMs: number | null;
  readonly detail: string;
}

export interface Request {
  readonly text: string;
  done(outcome: Outcome): void;
}

/** P5: nothing known after this; send the same again. */
const TIMEOUT_MS = 10_000;
const END_OF_HEAD = '\r\n\r\n';

interface Connection {
  readonly socket: Socket;
  request: Request | null;
  sinceMs: number;
  text: string;
}

export interface Connections {
  send(request: Request): void;
  /** Gives up what has taken too long. */
  tick(): void;
  /** Requests that wait for a connection. */
  readonly waiting: number;
  close(): void;
}

export function createConnections(target: Address, max: number, localAddress: string | undefined): Connections {
  const idle: Connection[] = [];
  const all = new Set<Connection>();
  let queue: Request[] = [];
  let queueFrom = 0;
  let isClosing = false;

  function open(): Connection {
    const { host, port } = target;
    const socket = connect({ host, port, noDelay: true, ...(localAddress === undefined ? {} : { localAddress }) });
    const connection: Connection = { socket, request: null, sinceMs: 0, text: '' };
    all.add(connection);
    let why = 'the connection was closed';
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => read(connection, text));
    socket.on('error', (error) => {
      why = error.message;
    });
    socket.on('close', () => {
      all.delete(connection);
      const at = idle.indexOf(connection);
      if (at >= 0) idle.splice(at, 1);
      finish(connection, { status: 0, retryAfterMs: null, detail: why });
    });
    return connection;
  }

  function read(connection: Connection, text: string): void {
    connection.text += text;
    const headEnd = connection.text.indexOf(END_OF_HEAD);
    if (headEnd < 0) return;
    const head = connection.text.slice(0, headEnd);
    const status = Number(head.slice(9, 12)) || 0;
    const lengthText = /\r\ncontent-length:\s*(\d+)/i.exec(head)?.[1];
    const length = status === 204 ? 0 : Number(lengthText ?? Number.POSITIVE_INFINITY);
    const body = connection.text.slice(headEnd + END_OF_HEAD.length);
    const isWhole = body.length >= length;
    // An answer without an end that can be seen: its status is all that is needed, and the connection is given up.
    if (!isWhole && length !== Number.POSITIVE_INFINITY) return;
    const retryAfter = /\r\nretry-after:\s*(\d+)/i.exec(head)?.[1];
    const isKept = isWhole && !/\r\nconnection:\s*close/i.test(head);
    const { request } = connection;
    connection.request = null;
    connection.text = '';
    if (!isKept) connection.socket.destroy();
    request?.done({
      status,
      retryAfterMs: retryAfter === undefined ? null : Number(retryAfter) * 1000,
      detail: body.slice(0, 300),
    });
    if (isKept) next(connection);
  }

  function finish(connection: Connection, outcome: Outcome): void {
    const { request } = connection;
    connection.request = null;
    if (isClosing) return;
    request?.done(outcome);
    if (queueFrom < queue.length && all.size < max) next(open());
  }

  function next(connection: Connection): void {
    const request = queue[queueFrom];
    if (request === undefined) {
      idle.push(connection);
      return;
    }
    queueFrom++;
    if (queueFrom > 1000 && queueFrom * 2 > queue.length) {
      queue = queue.slice(queueFrom);
      queueFrom = 0;
    }
    write(connection, request);
  }

  function write(connection: Connection, request: Request): void {
    connection.request = request;
    connection.sinceMs = performance.now();
    connection.socket.write(request.text, 'latin1');
  }

  return {
    send(request) {
      const connection = idle.pop();
      if (connection) write(connection, request);
      else if (all.size < max) write(open(), request);
      else queue.push(request);
    },
    tick() {
      const now = performance.now();
      for (const connection of all) {
        if (connection.request !== null && now - connection.sinceMs > TIMEOUT_MS) connection.socket.destroy();
      }
    },
    get waiting() {
      return queue.length - queueFrom;
    },
    close() {
      isClosing = true;
      for (const { socket } of all) socket.destroy();
    },
  };
}

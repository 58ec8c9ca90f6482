/**
 * A bare socket for each stream, read into one buffer that all share.
 *
 * Invariant: a socket brings along no closure, no timer and no buffer. All have the same listeners, which find the row by a
 * property of the socket; of a socket that has been given up nothing is heard any more.
 */
import { connect, type Socket } from 'node:net';
import type { Route } from './routes.ts';

const rowOf = Symbol('row');
type Row = Socket & { [rowOf]: number };

/** As much as one read of the kernel's gives. */
const BUFFER_BYTES = 64 * 1024;

export interface SocketEvents {
  /** @returns What is to be asked for. */
  connected(row: number): string;
  /** `buffer` is used again: only its first `length` bytes, and only now. */
  read(row: number, buffer: Buffer, length: number): void;
  failed(row: number, error: NodeJS.ErrnoException): void;
  closed(row: number): void;
}

export class Sockets {
  readonly #all: (Row | null)[];
  readonly #onread: { readonly buffer: Buffer; readonly callback: (length: number, buffer: Uint8Array) => boolean };
  readonly #connected: (this: Row) => void;
  readonly #failed: (this: Row, error: Error) => void;
  readonly #closed: (this: Row) => void;

  constructor(rows: number, events: SocketEvents) {
    const all = new Array<Row | null>(rows).fill(null);
    this.#all = all;
    const read = function (this: Row, length: number, buffer: Buffer): boolean {
      if (all[this[rowOf]] === this) events.read(this[rowOf], buffer, length);
      return true;
    };
    // Called with the socket as `this`, which its type does not tell.
    const callback = read as unknown as (length: number, buffer: Uint8Array) => boolean;
    this.#onread = { buffer: Buffer.allocUnsafeSlow(BUFFER_BYTES), callback };
    this.#connected = function () {
      if (all[this[rowOf]] === this) this.write(events.connected(this[rowOf]));
    };
    this.#failed = function (error) {
      if (all[this[rowOf]] === this) events.failed(this[rowOf], error);
    };
    this.#closed = function () {
      if (all[this[rowOf]] !== this) return;
      all[this[rowOf]] = null;
      events.closed(this[rowOf]);
    };
  }

  connect(row: number, route: Route): void {
    const socket = connect({ ...route, onread: this.#onread }) as Row;
    socket[rowOf] = row;
    this.#all[row] = socket;
    socket.on('connect', this.#connected);
    socket.on('error', this.#failed);
    socket.on('close', this.#closed);
  }

  /** It is closed a moment later. */
  drop(row: number): void {
    this.#all[row]?.destroy();
  }

  /** The same at once on both sides: a reset leaves no port waiting for a minute. */
  cut(row: number): void {
    this.#all[row]?.resetAndDestroy();
  }

  /** Nothing is heard of any of them any more. */
  close(): void {
    for (const [row, socket] of this.#all.entries()) {
      this.#all[row] = null;
      socket?.resetAndDestroy();
    }
  }
}

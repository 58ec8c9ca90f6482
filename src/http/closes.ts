/**
 * How many connections a turn of the event loop closes. Thousands of clients may leave in one moment: libuv tells of all of
 * them in one turn, and the kernel takes some 25 µs to close each. Whoever is above the number is closed in a later turn.
 *
 * This leans on internals of Node, the same in 20, 24 and 26: a socket that is destroyed calls `close` of its handle. Where
 * there is none, sockets close as Node has it.
 */
import type { Server, Socket } from 'node:net';
import { onceATurn } from './once-a-turn.ts';

/** Some 2 ms. */
const CLOSED_PER_TURN = 64;

type Close = (this: Handle, done?: () => void) => void;

/** What a socket is to libuv. */
interface Handle {
  close: Close;
}

/** Must be called before those who may destroy a socket as soon as it comes. */
export function paceCloses(server: Server): void {
  const waiting: [Handle, (() => void) | undefined][] = [];
  let close: Close | undefined;
  let closed = 0;

  const endTurn = onceATurn(nextTurn);

  function nextTurn(): void {
    closed = Math.min(waiting.length, CLOSED_PER_TURN);
    for (const [handle, done] of waiting.splice(0, closed)) close!.call(handle, done);
    if (closed > 0) endTurn();
  }

  function closeInTurn(this: Handle, done?: () => void): void {
    if (closed < CLOSED_PER_TURN && waiting.length === 0) {
      closed++;
      close!.call(this, done);
    } else {
      waiting.push([this, done]);
    }
    endTurn();
  }

  server.on('connection', (socket: Socket & { _handle?: Handle | null }) => {
    const { _handle: handle } = socket;
    if (typeof handle?.close !== 'function') return;
    close ??= handle.close;
    handle.close = closeInTurn;
  });
}

/**
 * Closing behind an answer that came before all was sent (RFC 9112 §9.6). The kernel resets a connection that is closed with
 * bytes unread, and the reset takes an answer with it that its client has not read yet. So our direction is closed alone, and
 * what still comes is read and dropped, until the client closes as well, or for a while.
 */
import type { Socket } from 'node:net';

/** Some round trips of a slow phone, and for a client that sends on before it reads. */
const LINGER_MS = 5_000;
/** As much as is read away of a body of known length (`problem.ts`). */
const DROPPED_MAX_BYTES = 1024 * 1024;

/** What is written goes out first. Nothing is parsed any more. */
export function linger(socket: Socket, limitMs: number = LINGER_MS): void {
  let left = DROPPED_MAX_BYTES;
  const late = setTimeout(() => socket.destroy(), limitMs);
  socket.removeAllListeners('data');
  socket.removeAllListeners('readable');
  socket.on('data', ({ length }: Buffer) => {
    left -= length;
    if (left < 0) socket.destroy();
  });
  socket.on('close', () => clearTimeout(late));
  socket.end();
  socket.resume();
}

/**
 * Where a socket comes from. Node keeps what it was asked for at the socket for as long as that lives: some 150 bytes, of which a
 * stream makes no use.
 */
import type { Socket } from 'node:net';

interface NamedSocket extends Socket {
  readonly _peername?: object;
  readonly _handle?: { getpeername?(found: { address?: string }): number } | null;
}

/** @returns undefined of one that is gone. */
export function peerAddressOf(socket: Socket): string | undefined {
  const { _handle: handle, _peername: kept } = socket as NamedSocket;
  if (kept !== undefined || typeof handle?.getpeername !== 'function') return socket.remoteAddress;
  const found: { address?: string } = {};
  return handle.getpeername(found) === 0 ? found.address : undefined;
}

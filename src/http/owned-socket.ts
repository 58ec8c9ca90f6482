/**
 * Whose a socket is: one field for all who have it one after the other, as each field of its own would stay with a stream's socket.
 */
import type { Socket } from 'node:net';

export const ownerOf = Symbol('owner');

export type SocketOf<T> = Socket & { [ownerOf]?: T | null };

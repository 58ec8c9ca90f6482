/**
 * Writes to a socket past Node's stream layer.
 *
 * A write to a `Socket` makes a request object, a callback and a tick, for the case that the kernel does not take all of
 * it at once. libuv tries that first, and with an idle stream it always succeeds: then the request is never looked at, and
 * one can serve every write. Only what the kernel leaves over needs a request of its own, and gets it.
 *
 * Like `bare-socket.ts` this leans on internals of Node: how the handle of a socket is written to, and whether it is given
 * a request (20, 24) or makes its own (26), which is learnt by looking on at one write. Where they are not as expected,
 * nothing can be written directly, and streams are written to as Node has it.
 */
import type { Socket } from 'node:net';

/** Told of what a write has left over. */
export interface LeftOverListener {
  /** The kernel has taken more; so many bytes are still left. */
  leftOver(bytes: number): void;
  /** Called when the connection takes nothing any more. */
  destroy(): void;
}

interface WriteRequest {
  /** Below 0 for one that libuv has not been given. That the queue is empty says nothing: a used one is completed a turn later. */
  getAsyncId?(): number;
  listener?: LeftOverListener;
  handle?: Handle;
  /** What libuv reads from: kept until it has. */
  bytes?: Buffer;
  oncomplete?: typeof completed;
}

/** What a socket is to libuv. */
export interface Handle {
  /** @returns 0, or an errno below it. Since Node 26, which takes no request: the one it has made, where it needed one. */
  writeBuffer(request: WriteRequest | null, bytes: Buffer): number | WriteRequest;
  /** What libuv holds and the kernel has not taken, bytes. */
  readonly writeQueueSize: number;
}

type HandleOwner = Socket & { readonly _handle?: Handle | null };

let isLearnt = false;
/** Makes requests for a Node that takes them; null where it makes its own. */
let Request: (new () => WriteRequest) | null = null;
/** One that no write has needed. */
let spare: WriteRequest | null = null;

/** What `writeDirectly` writes to; null where it cannot. To ask the socket for it at each write costs 2 % of a delivery. */
export function directHandle(socket: Socket): Handle | null {
  const { _handle: handle } = socket as HandleOwner;
  return isLearnt && isHandle(handle) ? handle : null;
}

/**
 * Writes keep their order, also behind those of the stream layer. A handle that is closed takes nothing.
 *
 * @returns How many bytes in all are left over now; the listener will be told of them.
 */
export function writeDirectly(handle: Handle, bytes: Buffer, listener: LeftOverListener): number {
  const result = handle.writeBuffer(spare, bytes);
  if (result === 0 && (spare === null || isUnused(spare))) return 0;
  const request = typeof result === 'number' ? spare : result;
  spare = Request && new Request();
  if (request === null || (typeof result === 'number' && result < 0)) {
    listener.destroy();
    return 0;
  }
  request.listener = listener;
  request.handle = handle;
  request.bytes = bytes;
  request.oncomplete = completed;
  return handle.writeQueueSize;
}

function completed(this: WriteRequest, error: number): void {
  if (error < 0) this.listener!.destroy();
  else this.listener!.leftOver(this.handle!.writeQueueSize);
}

/** Writes as Node has it. The first time, it looks on for how that is done. */
export function writeAndLearn(socket: Socket, bytes: Buffer): void {
  const handle = (socket as HandleOwner)._handle;
  if (isLearnt || !isHandle(handle)) {
    socket.write(bytes);
    return;
  }
  const { writeBuffer } = handle;
  handle.writeBuffer = (request, ...rest) => {
    Request = request && (request.constructor as new () => WriteRequest);
    spare = Request && new Request();
    isLearnt = spare === null || isUnused(spare);
    return writeBuffer.call(handle, request, ...rest);
  };
  socket.write(bytes);
  Reflect.deleteProperty(handle, 'writeBuffer');
}

function isUnused(request: WriteRequest): boolean {
  return request.getAsyncId !== undefined && request.getAsyncId() < 0;
}

function isHandle(handle: Partial<Handle> | null | undefined): handle is Handle {
  return typeof handle?.writeBuffer === 'function' && typeof handle.writeQueueSize === 'number';
}

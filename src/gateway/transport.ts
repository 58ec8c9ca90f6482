/**
 * The transport: what a stream needs of its connection, and nothing else.
 *
 * The only place in the gateway that touches a socket. A transport that `isFull` is not to be written to until `drained`
 * resolves: what a client has not taken yet is kept as a position, not as bytes.
 */
import type { FastifyReply } from 'fastify';

export interface Transport {
  write(bytes: Buffer | string): void;
  /** The connection takes no more for now. */
  readonly isFull: boolean;
  readonly isClosed: boolean;
  /** Resolves when the connection takes more again, or is closed. */
  drained(): Promise<void>;
  /** Whether something is waiting and nothing of it has been taken since the last call. */
  isStalled(): boolean;
  /** Sends what is left, then closes. */
  end(bytes: Buffer | string): void;
  destroy(): void;
}

/** Streams are told apart from other answers by these; the head is the same for every format but for its type. */
export function streamHead(contentType: string): Record<string, string> {
  return { 'content-type': contentType, 'cache-control': 'no-store, no-transform', 'x-accel-buffering': 'no' };
}

/**
 * Takes a reply over from fastify and begins the response.
 *
 * @param bufferBytes How many unsent bytes make it full.
 * @param onClose Called once, when the client has gone or after `end`.
 */
export function openTransport(
  reply: FastifyReply,
  head: Readonly<Record<string, string>>,
  bufferBytes: number,
  onClose: () => void,
): Transport {
  reply.hijack();
  const response = reply.raw;
  const socket = response.socket;
  const headers = { ...(reply.getHeaders() as Record<string, string>), ...head };
  response.writeHead(200, headers);
  response.flushHeaders();
  socket?.setNoDelay(true);
  socket?.setTimeout(0);
  let waiting: (() => void)[] = [];
  let takenBytes = 0;

  function resume(): void {
    const resolves = waiting;
    waiting = [];
    for (const resolve of resolves) resolve();
  }

  response.on('drain', resume);
  response.on('error', () => response.destroy());
  response.once('close', () => {
    resume();
    onClose();
  });

  return {
    write: (bytes) => void response.write(bytes),
    get isFull() {
      return response.writableLength > bufferBytes;
    },
    get isClosed() {
      return response.destroyed || response.writableEnded;
    },
    async drained() {
      if (response.writableLength > bufferBytes && !response.destroyed) {
        await new Promise<void>((resolve) => waiting.push(resolve));
      }
    },
    isStalled() {
      const taken = (socket?.bytesWritten ?? 0) - response.writableLength;
      const isStalled = response.writableLength > 0 && taken === takenBytes;
      takenBytes = taken;
      return isStalled;
    },
    end: (bytes) => void response.end(bytes),
    destroy: () => void response.destroy(),
  };
}

/** Whether who is at the other end of a socket takes what is written to it. */
import type { Socket } from 'node:net';

interface WrittenSocket extends Pick<Socket, 'writableLength'> {
  readonly _handle?: { readonly bytesWritten?: number; readonly writeQueueSize?: number } | null;
}

export class Progress {
  #takenBytes = 0;
  #sinceMs = 0;

  /** @returns For how long nothing has been taken, milliseconds; 0 when something was since the last look, or nothing is unsent. */
  stalledMs(socket: WrittenSocket, nowMs: number): number {
    if (socket.writableLength === 0) {
      this.#sinceMs = 0;
      return 0;
    }
    const { bytesWritten = 0, writeQueueSize = 0 } = socket._handle ?? {};
    const taken = bytesWritten - writeQueueSize;
    if (taken !== this.#takenBytes || this.#sinceMs === 0) {
      this.#takenBytes = taken;
      this.#sinceMs = nowMs;
      return 0;
    }
    return nowMs - this.#sinceMs;
  }
}

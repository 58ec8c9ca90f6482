/**
 * The polls under way, each with a signal of its own, which is forgotten with it.
 *
 * Not `AbortSignal.any`: on Node 20 a signal that lives as long as the gateway keeps an entry for each that was made of it.
 */
import type { EventEmitter } from 'node:events';

export interface Polls {
  /** How many are under way. */
  readonly size: number;
  /** @param poll Given a signal that is aborted when the client has gone or no poll is to wait any more. */
  run<T>(response: EventEmitter, poll: (signal: AbortSignal) => Promise<T>): Promise<T>;
  /** None waits any more, nor will those to come. */
  close(): void;
}

export function createPolls(): Polls {
  const underWay = new Set<AbortController>();
  let isClosed = false;

  return {
    get size() {
      return underWay.size;
    },
    async run(response, poll) {
      const ending = new AbortController();
      response.once('close', () => ending.abort());
      if (isClosed) ending.abort();
      underWay.add(ending);
      try {
        return await poll(ending.signal);
      } finally {
        underWay.delete(ending);
      }
    },
    close() {
      isClosed = true;
      for (const ending of underWay) ending.abort();
    },
  };
}

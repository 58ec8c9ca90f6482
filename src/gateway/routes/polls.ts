/**
 * The polls under way, each with a signal of its own, which is forgotten with it.
 *
 * Not `AbortSignal.any`: on Node 20 a signal that lives as long as the gateway keeps an entry for each that was made of it.
 */
import type { EventEmitter } from 'node:events';
import { Problem } from '../../errors.ts';
import type { Standing } from './poll-standing.ts';
import { sentences } from './refusal.ts';

export interface Polls {
  /** How many wait, or may come to. */
  readonly waiting: number;
  /** How many do not. */
  readonly brief: number;
  /**
   * @param waits Whether it may wait.
   * @param poll Given a signal that is aborted when the client has gone (`ClientGone`), or when no poll is to wait any more (a
   *   `Problem`).
   * @param standing Tells when it may not wait any more.
   */
  run<T>(
    client: PollClient,
    waits: boolean,
    poll: (signal: AbortSignal) => Promise<T>,
    standing?: Standing | null,
  ): Promise<T>;
  /** None waits any more, nor will those to come. */
  close(): void;
}

export interface PollClient {
  readonly response: EventEmitter;
  /** Of its request: a response that is not yet its connection's turn is never told that the connection has ended. */
  readonly socket: EventEmitter & { readonly destroyed: boolean };
}

/** Nobody is there any more to be answered. */
export class ClientGone extends Error {}

const gone = new ClientGone('the client has left before its answer');
const draining = new Problem('draining', sentences.draining);

export function createPolls(): Polls {
  const underWay = { waiting: new Set<AbortController>(), brief: new Set<AbortController>() };
  /** One listener on each connection, however many are pipelined on it. */
  const ofSocket = new Map<EventEmitter, { readonly endings: Set<AbortController>; readonly ended: () => void }>();
  let isClosed = false;

  function follow(socket: EventEmitter, ending: AbortController): void {
    let known = ofSocket.get(socket);
    if (!known) {
      const endings = new Set<AbortController>();
      const ended = () => {
        for (const each of endings) each.abort(gone);
      };
      known = { endings, ended };
      ofSocket.set(socket, known);
      socket.on('close', ended);
    }
    known.endings.add(ending);
  }

  function leave(socket: EventEmitter, ending: AbortController): void {
    const known = ofSocket.get(socket)!;
    known.endings.delete(ending);
    if (known.endings.size > 0) return;
    socket.removeListener('close', known.ended);
    ofSocket.delete(socket);
  }

  return {
    get waiting() {
      return underWay.waiting.size;
    },
    get brief() {
      return underWay.brief.size;
    },
    async run({ response, socket }, waits, poll, standing = null) {
      const ending = new AbortController();
      const ended = () => ending.abort(gone);
      const kind = waits ? underWay.waiting : underWay.brief;
      response.once('close', ended);
      follow(socket, ending);
      kind.add(ending);
      const leaveStanding = standing?.((problem) => ending.abort(problem));
      if (socket.destroyed) ended();
      if (isClosed) ending.abort(draining);
      try {
        return await poll(ending.signal);
      } finally {
        leaveStanding?.();
        kind.delete(ending);
        leave(socket, ending);
        response.removeListener('close', ended);
      }
    },
    close() {
      isClosed = true;
      for (const ending of underWay.waiting) ending.abort(draining);
    },
  };
}

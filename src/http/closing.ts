/**
 * How a server closes: nothing new is accepted, what is idle goes at once, the rest with its answer; and what has none after
 * a while is cut. Node looks at no time-out any more once it closes, so who sent half a request would hold the process.
 */
import type { FastifyInstance } from 'fastify';

/** What keeps connections that Node does not know. */
export interface OtherConnections {
  /** Idle connections are closed, the others with their answer. */
  close(): void;
  /** Those that are left are closed, with or without it. */
  closeAll(): void;
}

/**
 * For requests that are not finished. Together with the default window of a drain it fits into the 30 s that a process is
 * commonly given; none of those that are in order takes so long by then: polls are answered by the drain.
 */
export const CLOSE_MS = 8_000;

export function closeWithin(app: FastifyInstance, others: OtherConnections | null, limitMs: number): void {
  let late: NodeJS.Timeout | undefined;
  app.addHook('preClose', (done) => {
    others?.close();
    late = setTimeout(() => {
      others?.closeAll();
      app.server.closeAllConnections();
    }, limitMs);
    done();
  });
  app.addHook('onClose', (_app, done) => {
    clearTimeout(late);
    done();
  });
}

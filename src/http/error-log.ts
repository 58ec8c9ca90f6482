/**
 * Unexpected errors of requests, as lines of the log: every one of them as long as there are few, then some of each kind in
 * a second and how many more there were, so that no client can fill a disk with what it can make go wrong.
 */
import type { FastifyBaseLogger, FastifyRequest } from 'fastify';

export interface ErrorLog {
  error(error: Error, request?: FastifyRequest): void;
  debug: FastifyBaseLogger['debug'];
}

/** Of a kind in a second. */
const LINES_MAX = 10;
const WINDOW_MS = 1_000;
/** Kinds that are told apart in a second; names and codes come from libraries, and may hold anything. */
const KINDS_MAX = 100;

export function createErrorLog(log: Pick<FastifyBaseLogger, 'debug' | 'error'>): ErrorLog {
  const seen = new Map<string, number>();

  function endWindow(): void {
    for (const [kind, count] of seen) {
      if (count > LINES_MAX) log.error({ kind, leftOut: count - LINES_MAX }, 'more requests met this error');
    }
    seen.clear();
  }

  return {
    error(error, request) {
      if (seen.size === 0) setTimeout(endWindow, WINDOW_MS).unref();
      const named = kindOf(error);
      const kind = seen.has(named) || seen.size < KINDS_MAX ? named : 'others';
      const count = (seen.get(kind) ?? 0) + 1;
      seen.set(kind, count);
      if (count <= LINES_MAX) log.error({ req: request, err: error }, 'a request met an unexpected error');
    },
    debug: log.debug.bind(log),
  };
}

/** What is the same of the same mistake: not the message, which may name a client's channel. */
function kindOf(error: Error & { readonly code?: unknown }): string {
  return typeof error.code === 'string' ? `${error.name} ${error.code}` : error.name;
}

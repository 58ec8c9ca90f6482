/**
 * Who has asked for more than one may, in a way its client survives: as for `refusal.ts`, a browser's EventSource is told by a stream of one
 * frame, all others by 429. The frame's reason is never an edge's, whose limits are others.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ErrorCode, Problem } from '../../errors.ts';
import type { Metrics } from '../../metrics.ts';
import { streamHead } from '../connection/open.ts';
import { createSseFormat } from '../formats/sse.ts';
import { isEventSource } from './event-source.ts';
import type { Held } from './held.ts';

const reasons: Partial<Record<ErrorCode, string>> = { too_many_streams: 'streams', too_many_failures: 'credentials' };

/** Until a stream of the same client has ended, or others have stopped trying; not all at once. */
const RETRY_MS = 5_000;
const RETRY_MORE_MS = 10_000;

const sse = createSseFormat({ fields: new Set(), withChannel: false });

/** @throws {Problem} where the client can make something of it. */
export type RefuseLimit = (request: FastifyRequest, reply: FastifyReply, problem: Problem) => FastifyReply;

export function createLimitRefusal(held: Held, metrics: Pick<Metrics, 'refusals'>): RefuseLimit {
  return (request, reply, problem) => {
    const reason = reasons[problem.code];
    if (reason === undefined) throw problem;
    metrics.refusals.inc({ code: problem.code });
    if (!isEventSource(request)) throw problem;
    const retryMs = RETRY_MS + Math.round(RETRY_MORE_MS * Math.random());
    const head = { ...streamHead(sse.contentType), 'x-limited': String(problem.status) };
    return held.answer(reply, head, sse.control({ event: '$overloaded', data: { reason }, retryMs }));
  };
}

/**
 * Who is not let in, in a way its client survives: as for `refusal.ts`, a browser's EventSource is told by a stream of one frame, all
 * others by the status. What is said here is the same at every gateway.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Problem } from '../../errors.ts';
import type { Metrics } from '../../metrics.ts';
import { streamHead } from '../connection/open.ts';
import { createSseFormat } from '../formats/sse.ts';
import { authStatusOf, endingAuthFrame } from '../stream/auth-frame.ts';
import { isEventSource } from './event-source.ts';
import type { RefuseLimit } from './limit-refusal.ts';

const sse = createSseFormat({ fields: new Set(), withChannel: false });

/** @throws {Problem} where the client can make something of it. */
export type RefuseAuth = (request: FastifyRequest, reply: FastifyReply, problem: Problem) => FastifyReply;

/** @param refuseLimit For who may not even try. */
export function createAuthRefusal(metrics: Pick<Metrics, 'refusals'>, refuseLimit: RefuseLimit): RefuseAuth {
  return (request, reply, problem) => {
    const status = authStatusOf(problem.code);
    if (status === undefined) return refuseLimit(request, reply, problem);
    metrics.refusals.inc({ code: problem.code });
    if (!isEventSource(request)) throw problem;
    return reply
      .headers({ ...streamHead(sse.contentType), 'x-auth': String(problem.status), connection: 'close' })
      .send(sse.control(endingAuthFrame(status)));
  };
}

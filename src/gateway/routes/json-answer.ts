/** How data is answered in JSON: kept by nobody, and taken for nothing else. */
import type { FastifyReply } from 'fastify';

const head = { 'content-type': 'application/json', 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' };

export function jsonAnswer(reply: FastifyReply): FastifyReply {
  return reply.headers(head);
}

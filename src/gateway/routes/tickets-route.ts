/** `POST /tickets`: a ticket for the URL of one stream, for clients that can send nothing else with it (P37). */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { SessionDesk } from '../../access/access.ts';
import { Problem } from '../../errors.ts';
import type { RouteDocument } from '../../http/openapi.ts';
import { parameter } from '../../http/query.ts';
import { parseChannels } from './request.ts';

const problem = { $ref: 'problem#' } as const;

const ticketsDocument = {
  method: 'POST',
  url: '/tickets',
  schema: {
    summary: 'A ticket for the URL of one stream',
    description: 'As ?ticket= of /c/{channels}/events, for who can send neither Authorization nor a cookie with it.',
    querystring: {
      type: 'object',
      required: ['channels'],
      properties: { channels: { type: 'string', description: 'Of the stream: a comma list, 16 at most' } },
    },
    response: {
      201: {
        description: 'It opens a stream for so many seconds',
        type: 'object',
        properties: { ticket: { type: 'string' }, expiresInS: { type: 'integer' } },
      },
      '4xx': problem,
      '5xx': problem,
    },
  },
} as const satisfies RouteDocument;

export type TicketOffice = Pick<SessionDesk, 'issue'>;

const CHANNELS = 'channels is the comma list of those that the stream will be of.';

export function ticketsRoute(app: FastifyInstance, tickets: TicketOffice): void {
  app.route({
    ...ticketsDocument,
    config: { right: 'somebody' },
    async handler(request: FastifyRequest, reply) {
      const asked = parameter(request, 'channels');
      if (asked === undefined) throw new Problem('bad_parameter', CHANNELS);
      const issued = await tickets.issue(request.principal!, parseChannels(asked));
      return reply.code(201).header('cache-control', 'no-store').send(issued);
    },
  });
}

/** What of a request says who it is, as a document says it (OpenAPI 3.1, "Security Scheme Object", "Security Requirement Object"). */
import type { FastifyContextConfig } from 'fastify';
import type { Right } from '../access/access.ts';
import { SESSION_COOKIE } from '../access/session-cookie.ts';

/** Whether some of what needs a right can also be had without saying who one is. */
export type IsPublic = (right: Right) => boolean;

type Requirement = Partial<Record<keyof typeof securitySchemes, readonly string[]>>;

export const securitySchemes = {
  bearerAuth: {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
    description: 'A token that grants the channels (P32, P33); never in the URL',
  },
  sessionCookie: {
    type: 'apiKey',
    in: 'cookie',
    name: SESSION_COOKIE,
    description: 'The session that a browser was given for its token (P36)',
  },
  ticket: { type: 'apiKey', in: 'query', name: 'ticket', description: 'Of one stream (P37)' },
} as const;

const BEARER: Requirement = { bearerAuth: [] };
const COOKIE: Requirement = { sessionCookie: [] };
const TICKET: Requirement = { ticket: [] };
const NOTHING: Requirement = {};

/** @returns One of which is needed; undefined where nothing is, or nothing helps. */
export function securityOf(config: FastifyContextConfig = {}, isPublic: IsPublic): Requirement[] | undefined {
  switch (config.right) {
    case undefined:
    case 'open':
    case 'operator':
      return undefined;
    case 'token':
      return [BEARER];
    case 'session':
      return [COOKIE];
    case 'somebody':
      return [BEARER, COOKIE];
    default:
      return [BEARER, COOKIE, ...(config.takesTicket ? [TICKET] : []), ...(isPublic(config.right) ? [NOTHING] : [])];
  }
}

/** `/session`: where a page gets a cookie for its token, renews it and gives it back (P36). */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Principal, SessionDesk } from '../access/access.ts';
import { sessionIdIn } from '../access/session-cookie.ts';
import { Problem } from '../errors.ts';
import { type ForgeryRules, fetchForgeryIn } from './forgery.ts';
import type { RouteDocument } from './openapi.ts';
import { isLocalHost } from './trusted-hosts.ts';

const problem = (description: string) => ({ $ref: 'problem#', description });

const openDocument = {
  method: 'POST',
  url: '/session',
  schema: {
    summary: 'Begin or renew a session',
    description:
      'With Authorization: Bearer. The cookie stands for the token until that expires; with the cookie of a session of the same sub, that is renewed.',
    response: {
      204: { type: 'null', description: 'With Set-Cookie: __Host-sc' },
      401: problem('Needs a token, or another one'),
      403: problem('Sent by a page of another site'),
      409: problem('Over plain HTTP a browser would drop the cookie'),
      503: problem('Sessions cannot be looked up now: the very same again'),
    },
  },
} as const satisfies RouteDocument;

const closeDocument = {
  method: 'DELETE',
  url: '/session',
  schema: {
    summary: 'End the session of the cookie',
    description: 'Its streams and polls end on every server, within 10 s. Without one there is nothing to end.',
    response: {
      204: { type: 'null', description: 'With a Set-Cookie that deletes it' },
      403: problem('Sent by a page of another site'),
      503: problem('Sessions cannot be looked up now: the very same again'),
    },
  },
} as const satisfies RouteDocument;

const PLAIN_HTTP = 'Ask over HTTPS: a browser takes this cookie over nothing else, but from localhost.';

export function sessionRoutes(app: FastifyInstance, sessions: SessionDesk, rules: ForgeryRules): void {
  /**
   * A page that may not use the cookie may neither plant one nor take one away: also not with a token of its own, where pages of every origin
   * may send. What is no browser says neither where it comes from.
   */
  function refuseForeign({ raw }: FastifyRequest): void {
    const isOfPage = raw.headers.origin !== undefined || raw.headers['sec-fetch-site'] !== undefined;
    const forgery = isOfPage ? fetchForgeryIn(rules, raw) : undefined;
    if (forgery !== undefined) throw forgery;
  }

  /** Who brings no token is asked of the backend, by what its browser sends by itself: so it has to be a page of ours that asks. */
  async function askedFor(request: FastifyRequest): Promise<Principal> {
    const { headers, raw, address } = request;
    if (request.principal!.identity.sub !== null || sessions.ask === undefined) return request.principal!;
    const forgery = fetchForgeryIn(rules, raw);
    if (forgery !== undefined) throw forgery;
    const where = { origin: headers.origin, ip: address || (raw.socket.remoteAddress ?? ''), address };
    try {
      return await sessions.ask({ headers, ...where, isRenewal: hasSession(headers.cookie) });
    } catch (error) {
      // Who is let in no more has it no more. An answer that is none is no such word.
      if (error instanceof Problem && (error.status === 401 || error.status === 403))
        await sessions.giveUp(headers.cookie);
      throw error;
    }
  }

  app.route({
    ...openDocument,
    config: { right: 'token' },
    async handler(request, reply) {
      refuseForeign(request);
      if (isPlainHttp(request)) throw new Problem('not_secure', PLAIN_HTTP);
      const cookie = await sessions.open(await askedFor(request), request.headers.cookie);
      return reply.code(204).header('set-cookie', cookie).header('cache-control', 'no-store').send();
    },
  });
  app.route({
    ...closeDocument,
    config: { right: 'session' },
    async handler(request, reply) {
      refuseForeign(request);
      const cookie = await sessions.close(request.headers.cookie);
      return reply.code(204).header('set-cookie', cookie).header('cache-control', 'no-store').send();
    },
  });
}

function hasSession(cookie: string | undefined): boolean {
  return cookie !== undefined && typeof sessionIdIn(cookie) === 'string';
}

/** As far as whoever ends TLS tells. */
function isPlainHttp({ headers }: FastifyRequest): boolean {
  return headers['x-forwarded-proto'] === 'http' && !isLocalHost(headers.host ?? '');
}

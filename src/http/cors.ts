/**
 * CORS: which pages of other origins may send and receive. (Fetch standard, "CORS protocol".)
 *
 * The headers are set before anything else is done with a request, so that they are on errors too, and on streams whose
 * head is written by hand (`reply.getHeaders()`). Credentials, which are the cookies of sessions, are allowed to origins that are named.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Config } from '../config.ts';

export type CorsConfig = Pick<Config, 'corsOrigins' | 'loopbackOnly'>;

/** `http(s)://localhost`, `127.0.0.1` or `[::1]`, any port. */
const localOrigin = /^https?:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?$/;

/** What may be asked with: the methods and header fields of the protocol, the one that carries a trace, and what clients add. */
const ALLOW_METHODS = 'GET, POST, PUT';
/** DELETE is of sessions only. */
const ALLOW_METHODS_WITH_SESSIONS = `${ALLOW_METHODS}, DELETE`;
const ALLOW_HEADERS =
  'Last-Event-ID, Change-From, Change-Seq, Content-Type, Traceparent, Authorization, Cache-Control, X-Requested-With';
const EXPOSE_HEADERS = 'Retry-After, ETag';

/** A day. Browsers shorten it to what they see fit. */
const MAX_AGE_S = 86_400;

/** The fields by which a page may read an answer. */
export const CORS_FIELDS = ['access-control-allow-origin', 'access-control-expose-headers'] as const;

export function originRule({ corsOrigins, loopbackOnly }: CorsConfig): (origin: string) => boolean {
  if (corsOrigins === '*') return () => true;
  if (corsOrigins !== null) return (origin) => corsOrigins.includes(origin);
  return loopbackOnly ? (origin) => localOrigin.test(origin) : () => false;
}

export interface Cors {
  /** For answers given before any hook runs. */
  apply(request: FastifyRequest, reply: FastifyReply): void;
  /** For answers written by hand: the same fields as text, each with its CR LF. */
  textFor(origin: string): string;
}

/** @param hasSessions Whether browsers may have a cookie that says who they are. */
export function answerCors(app: FastifyInstance, config: CorsConfig, hasSessions = false): Cors {
  const isAllowed = originRule(config);
  const isAnyone = config.corsOrigins === '*';

  function fieldsFor(origin: string): Record<string, string> {
    if (!isAllowed(origin)) return {};
    return {
      'access-control-allow-origin': isAnyone ? '*' : origin,
      ...(hasSessions && !isAnyone && { 'access-control-allow-credentials': 'true' }),
      'access-control-expose-headers': EXPOSE_HEADERS,
      vary: 'Origin',
    };
  }

  function apply(request: FastifyRequest, reply: FastifyReply): void {
    const { origin } = request.headers;
    if (origin !== undefined) reply.headers(fieldsFor(origin));
  }

  function textFor(origin: string): string {
    let text = '';
    for (const [name, value] of Object.entries(fieldsFor(origin))) text += `${name}: ${value}\r\n`;
    return text;
  }

  app.addHook('onRequest', (request, reply, done) => {
    if (request.headers.origin === undefined) return done();
    apply(request, reply);
    const isPreflight = request.method === 'OPTIONS' && 'access-control-request-method' in request.headers;
    if (!isPreflight) return done();
    // Also for a path that is not there, so that the page gets to see the 404 itself.
    if (reply.hasHeader('access-control-allow-origin')) {
      reply.removeHeader('access-control-expose-headers');
      reply.header('access-control-allow-methods', hasSessions ? ALLOW_METHODS_WITH_SESSIONS : ALLOW_METHODS);
      reply.header('access-control-allow-headers', ALLOW_HEADERS);
      reply.header('access-control-max-age', MAX_AGE_S);
    }
    reply.code(204).send();
  });
  return { apply, textFor };
}

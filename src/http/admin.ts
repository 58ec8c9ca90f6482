/**
 * For operators and their balancers: `/metrics` and `/load`. On a port of its own it is whoever reaches that port; on the port of the clients only
 * somebody on this very machine.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from '../errors.ts';
import type { Metrics } from '../metrics.ts';
import { CORS_FIELDS } from './cors.ts';
import { NOSNIFF } from './problem.ts';
import { isLocalHost } from './trusted-hosts.ts';

export interface AdminDeps {
  readonly metrics: Metrics;
  readonly load: () => Load;
  /** True on the port of the clients: others than direct loopback callers are told that there is no such path. */
  readonly localOnly: boolean;
}

export interface Load {
  /** Whether it wants new work: what `/readyz` says. */
  readonly ready: boolean;
  /** Held now, and at most of both together; all 0 where no gateway runs. */
  readonly streams: number;
  /** Those that wait. */
  readonly polls: number;
  readonly maxStreams: number;
}

const headers = { 'cache-control': 'no-store', ...NOSNIFF };

export function adminRoutes(app: FastifyInstance, { metrics, load, localOnly }: AdminDeps): void {
  const onRequest = operatorsOnly(localOnly);

  app.get('/load', { config: { right: 'operator' }, schema: { hide: true }, onRequest }, (_request, reply) => {
    const now = load();
    const share = now.maxStreams === 0 ? 0 : Math.round(((now.streams + now.polls) / now.maxStreams) * 1000) / 1000;
    return reply.headers(headers).send({ ...now, load: share });
  });

  app.get('/metrics', { config: { right: 'operator' }, schema: { hide: true }, onRequest }, async (_request, reply) => {
    return reply
      .headers(headers)
      .type(metrics.registry.contentType)
      .send(await metrics.registry.metrics());
  });
}

/** To be the `onRequest` of a route. @param localOnly As `AdminDeps` has it. */
export function operatorsOnly(localOnly: boolean) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    // Not for pages, wherever they come from.
    for (const name of CORS_FIELDS) reply.removeHeader(name);
    if (localOnly && !isDirectLocal(request))
      throw new Problem('not_local', 'For the paths there are, see /openapi.json.');
  };
}

/** What a proxy adds: with any of these the caller is not the one at the other end of the connection. */
const forwardingHeaders = ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip', 'via'];

const loopbackAddress = /^(::1|(::ffff:)?127\.\d+\.\d+\.\d+)$/;

/**
 * Connected from this machine, not by a proxy on behalf of somebody else. The Host must be local too: it is what gives
 * away a proxy that adds nothing, and a web page whose own name was made to resolve to 127.0.0.1.
 */
function isDirectLocal(request: FastifyRequest): boolean {
  const { headers, socket } = request.raw;
  return (
    loopbackAddress.test(socket.remoteAddress ?? '') &&
    isLocalHost(headers.host ?? '') &&
    forwardingHeaders.every((name) => headers[name] === undefined)
  );
}

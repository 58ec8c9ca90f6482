/**
 * Which door is whose: every route says what right it needs, and a request comes to it only with a principal.
 *
 * A route that says nothing does not start. Whether the principal has the right to the channels that are asked for, the route asks
 * itself, of the very names that it goes on to use: a checker that reads a path in its own way is a way round.
 */
import type { IncomingMessage } from 'node:http';
import type * as fastify from 'fastify';
import type { Access, Principal, Right } from '../access/access.ts';
import type { Address, Limits, Sub } from '../access/limits.ts';
import { Problem } from '../errors.ts';
import type { Addresses } from './addresses.ts';
import { peerAddressOf } from './peer-address.ts';
import { parameter } from './query.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /**
     * What a request needs here. `open`: nothing, whoever it is; `operator`: to come from where operators are, and no token helps; `token`: a
     * token, and no cookie helps; `somebody`: to be somebody, whatever the route makes of it; `session`: nothing, but not to be forged, for who
     * ends what its cookie says.
     */
    readonly right?: Right | 'open' | 'operator' | 'token' | 'somebody' | 'session';
    /** Whether a ticket in the query says who it is, where nothing else does. */
    readonly takesTicket?: boolean;
    /** Answers who is not let in, in the way of its clients, or throws. */
    readonly refuse?: (request: fastify.FastifyRequest, reply: fastify.FastifyReply, problem: Problem) => unknown;
  }
  interface FastifyRequest {
    /** Null where the route is open. */
    principal: Principal | null;
    /** Where it comes from; `''` where the route is open. */
    address: Address;
  }
}

/**
 * Must be called before any route is added.
 *
 * @param isForged Why a request is not believed that it is of whom its cookie says.
 */
export function guardRoutes(
  app: fastify.FastifyInstance,
  access: Access,
  addresses: Addresses,
  isForged: (request: IncomingMessage) => Problem | undefined,
): void {
  const countsOf = countsBy(access.limits);
  app.decorateRequest('principal', null);
  app.decorateRequest('address', '');
  app.addHook('onRoute', ({ config, url }: fastify.RouteOptions) => {
    if (config?.right === undefined) throw new Error(`the route ${url} does not say what right it needs`);
  });
  app.addHook('onRequest', (request, reply, done) => {
    const { right, refuse, takesTicket } = request.routeOptions.config;
    if (request.is404 || right === 'open' || right === 'operator') return done();
    const forgery = isForged(request.raw);
    if (forgery !== undefined) return done(forgery);
    const { raw } = request;
    request.address = addresses.of(addresses.peer(peerAddressOf(raw.socket)), forwardedIn(raw));
    const counts = countsOf[right!];
    const tooMany = counts?.from(request.address);
    if (right === 'session') return done(tooMany);
    const isWho = (principal: Principal) => {
      request.principal = principal;
      done(counts?.by(principal.identity.sub));
    };
    const isRefused = (error: Error) => {
      if (refuse === undefined || !(error instanceof Problem)) return done(error);
      try {
        refuse(request, reply, error);
      } catch (problem) {
        done(problem as Error);
      }
    };
    if (tooMany !== undefined) return isRefused(tooMany);
    try {
      const ticket = takesTicket === true ? parameter(request, 'ticket') : undefined;
      const fields = right === 'token' ? withoutCookies(raw.rawHeaders) : raw.rawHeaders;
      const who = access.identify(fields, request.address, ticket);
      if (who instanceof Promise) who.then(isWho, isRefused);
      else isWho(who);
    } catch (error) {
      isRefused(error as Error);
    }
  });
}

/** How much of it one may ask, before it is known who it is and once it is. */
interface Counts {
  from(address: Address): Problem | undefined;
  by(sub: Sub): Problem | undefined;
}

function countsBy(limits: Limits): Readonly<Record<string, Counts>> {
  const session: Counts = { from: limits.sessionFrom, by: limits.sessionBy };
  return { publish: { from: limits.postFrom, by: limits.postBy }, token: session, somebody: session, session };
}

/** Several fields of it are one list. */
function forwardedIn({ headers }: fastify.FastifyRequest['raw']): string | undefined {
  const forwarded = headers['x-forwarded-for'];
  return Array.isArray(forwarded) ? forwarded.join() : forwarded;
}

function withoutCookies(fields: readonly string[]): string[] {
  return fields.filter((_, i) => fields[i - (i % 2)]!.toLowerCase() !== 'cookie');
}

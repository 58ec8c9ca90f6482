/**
 * Forged requests: what a page of another site makes its visitor's browser send. 403 (P29).
 *
 * Two rules: the Host is one of ours (`trusted-hosts.ts`), and a page whose origin is neither allowed (`cors.ts`) nor that
 * Host's own may not change anything. Reading is left to CORS. What is no browser sends no Origin and is not asked for one.
 */
import type { IncomingMessage } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { sessionIdIn } from '../access/session-cookie.ts';
import { Problem } from '../errors.ts';
import { type CorsConfig, originRule } from './cors.ts';
import { authorityOf, type HostConfig, hostRule } from './trusted-hosts.ts';

export type ForgeryConfig = CorsConfig & HostConfig;

export interface ForgeryRules {
  isTrustedHost(host: string): boolean;
  /** Of requests that change something. */
  isTrustedOrigin(origin: string, host: string): boolean;
  /** Of requests that a cookie says the sender of, whatever they do. @param site `Sec-Fetch-Site`. */
  isTrustedFetch(site: string | undefined, origin: string | undefined, host: string): boolean;
  /** Whether no Host at all is looked at. */
  readonly anyHost: boolean;
}

export function forgeryRules(config: ForgeryConfig): ForgeryRules {
  const isTrustedHost = hostRule(config);
  const isAllowed = originRule(config);
  return {
    anyHost: isTrustedHost === null,
    isTrustedHost: isTrustedHost ?? (() => true),
    isTrustedOrigin: (origin, host) => isAllowed(origin) || isSameOrigin(origin, host),
    isTrustedFetch(site, origin, host) {
      if (site === 'same-origin' || site === 'none') return true;
      // A browser says one of the two; and to allow every origin is not to trust it with somebody's cookie.
      if (origin === undefined) return false;
      if (config.corsOrigins !== '*' && isAllowed(origin)) return true;
      return site === undefined && isSameOrigin(origin, host);
    },
  };
}

const originPattern = /^(https?):\/\/(.+)$/;

/**
 * Whether a page of this origin came from this Host. Which scheme we are reached by is not known behind an edge, so either will
 * do; a port that is the scheme's own is in no Origin (RFC 6454 §6.2), but a proxy may have put it into the Host.
 */
function isSameOrigin(origin: string, host: string): boolean {
  const [, scheme, authority] = originPattern.exec(origin.toLowerCase()) ?? [];
  if (authority === undefined) return false;
  const own = host.toLowerCase();
  return own === authority || own === `${authority}:${scheme === 'http' ? 80 : 443}`;
}

/** For probes of balancers, which name what Host they like; they tell nothing but that we are here. */
const probes = new Set(['/healthz', '/readyz']);

/** RFC 9110 §9.2.1. */
const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS']);

/** @returns Why a request is not served, if it is not. */
export function forgeryIn(rules: ForgeryRules, { method, url = '', headers }: IncomingMessage): Problem | undefined {
  const { host = '', origin } = headers;
  const authority = authorityOf(url);
  const isOurs = rules.isTrustedHost(host) && (authority === undefined || rules.isTrustedHost(authority));
  if (!isOurs && !probes.has(url.split('?', 1)[0]!)) {
    return new Problem(
      'forged_request',
      'Here the Host is localhost, 127.x.x.x or [::1], or one of PUBLIC_HOSTS in the settings of this server.',
    );
  }
  if (origin === undefined || safeMethods.has(method!)) return undefined;
  if (rules.isTrustedOrigin(origin, authority ?? host)) return undefined;
  return new Problem(
    'forged_request',
    'Pages that send are of this very origin, or of one of CORS_ORIGINS in the settings of this server.',
  );
}

/**
 * The cookie goes with whatever a page makes a browser ask for, so here reading is no better than changing: an open stream takes a place, and
 * may end another.
 *
 * @returns Why a request is not served that only a session's cookie says the sender of.
 */
export function cookieForgeryIn(rules: ForgeryRules, { url = '', headers }: IncomingMessage): Problem | undefined {
  const { cookie, authorization } = headers;
  if (cookie === undefined || authorization !== undefined || sessionIdIn(cookie) === undefined) return undefined;
  return fetchForgeryIn(rules, { url, headers });
}

/** The same of any request whose sender the browser says by itself. */
export function fetchForgeryIn(
  rules: ForgeryRules,
  { url = '', headers }: Pick<IncomingMessage, 'url' | 'headers'>,
): Problem | undefined {
  const { host = '', origin } = headers;
  const site = headers['sec-fetch-site'];
  if (rules.isTrustedFetch(Array.isArray(site) ? site.join() : site, origin, authorityOf(url) ?? host))
    return undefined;
  return new Problem(
    'forged_request',
    'With a cookie that says who it is, Sec-Fetch-Site is same-origin or none, or Origin is one of CORS_ORIGINS or of this very Host.',
  );
}

/** After CORS, so that who may read errors reads this one, and after what must end an ambiguous connection (`strict.ts`). */
export function refuseForgeries(app: FastifyInstance, rules: ForgeryRules): void {
  app.addHook('onRequest', (request, _reply, done) => done(forgeryIn(rules, request.raw)));
}

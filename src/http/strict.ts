/**
 * Refuses what Node's parser lets through although two servers in a row may understand it differently. Each is answered 400, and
 * the connection ends: where its next request begins is not to be relied on.
 */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { Problem } from '../errors.ts';

export function refuseAmbiguity(app: FastifyInstance): void {
  /** What was pipelined behind a refused request is parsed before the connection is gone. */
  const refused = new WeakSet<Socket>();
  app.addHook('onRequest', ({ raw }, _reply, done) => {
    const what = refused.has(raw.socket) ? 'A request before this one was ambiguous.' : ambiguityOf(raw);
    if (what === undefined) {
      // Where the body begins is not clear either: whoever expects something may be waiting with it.
      done(isExpected(raw) ? undefined : new Problem('bad_expectation', EXPECTATION, { connection: 'close' }));
      return;
    }
    refused.add(raw.socket);
    done(new Problem('bad_request', what, { connection: 'close' }));
  });
}

const EXPECTATION = 'Expect is 100-continue or absent.';

/** RFC 9110 §10.1.1: of HTTP/1.1 only, and there is no other. */
function isExpected({ headers: { expect }, httpVersionMinor }: IncomingMessage): boolean {
  return expect === undefined || httpVersionMinor === 0 || expect.toLowerCase() === '100-continue';
}

/** A path, or a whole URL as a proxy is asked for it. */
const isTarget = /^(\/|https?:\/\/)/i;

/** @returns What would be right, if something is not. */
function ambiguityOf({ method, url, httpVersion, headers, rawHeaders }: IncomingMessage): string | undefined {
  const coding = headers['transfer-encoding'];
  // The parser takes `HTTP/2.0` and no version at all as well.
  if (httpVersion !== '1.1' && httpVersion !== '1.0') return 'The request is HTTP/1.1.';
  // RFC 9112 §6.1: a coding that is not known, or in HTTP/1.0, makes the end of the body a guess.
  if (coding !== undefined && (coding.toLowerCase() !== 'chunked' || httpVersion === '1.0')) {
    return 'Transfer-Encoding is chunked or absent, and absent in HTTP/1.0.';
  }
  // RFC 9112 §3.2: `*` is for OPTIONS, a bare authority for CONNECT.
  if (!isTarget.test(url ?? '') && !(url === '*' && method === 'OPTIONS')) return 'The target is a path.';
  if (hostsIn(rawHeaders) > 1) return 'A request has one Host header.';
  // RFC 9110 §9.3.1: without meaning, and of use only to hide another request in.
  const hasBody = coding !== undefined || Number(headers['content-length'] ?? 0) > 0;
  if (hasBody && (method === 'GET' || method === 'HEAD')) return `${method} has no body.`;
  return undefined;
}

/** Of names and values in turn. The parsed header has only the first Host. */
function hostsIn(rawHeaders: readonly string[]): number {
  let hosts = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!;
    if (name.length === 4 && name.toLowerCase() === 'host') hosts++;
  }
  return hosts;
}

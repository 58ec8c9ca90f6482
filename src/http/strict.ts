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
    if (what === undefined) return done();
    refused.add(raw.socket);
    done(new Problem('bad_request', what, { connection: 'close' }));
  });
}

/** @returns What would be right, if something is not. */
function ambiguityOf({ method, httpVersion, headers, rawHeaders }: IncomingMessage): string | undefined {
  const coding = headers['transfer-encoding'];
  // The parser takes `HTTP/2.0` and no version at all as well.
  if (httpVersion !== '1.1' && httpVersion !== '1.0') return 'The request is HTTP/1.1.';
  // RFC 9112 §6.1: a coding that is not known, or in HTTP/1.0, makes the end of the body a guess.
  if (coding !== undefined && (coding.toLowerCase() !== 'chunked' || httpVersion === '1.0')) {
    return 'Transfer-Encoding is chunked or absent, and absent in HTTP/1.0.';
  }
  // RFC 9112 §3.2.
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

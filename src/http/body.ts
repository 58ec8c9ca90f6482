/**
 * Bodies: every body is raw bytes, whatever its content type, or none at all.
 *
 * `curl -d x` calls its body a form and a phone calls it nothing; neither is asked. What a coding would do to the bytes
 * cannot be ignored, though, so a coded body is refused.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Problem } from '../errors.ts';

export function acceptAnyBody(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  app.addHook('onRequest', (request, _reply, done) => done(prepare(request)));
}

function prepare(request: FastifyRequest): Problem | undefined {
  const { headers } = request.raw;
  if (headers.host === undefined && request.raw.httpVersionMinor === 1) {
    return new Problem('bad_request', 'A request of HTTP/1.1 has a Host header.');
  }
  const coding = headers['content-encoding'];
  if (coding !== undefined && coding.toLowerCase() !== 'identity') {
    return new Problem('unsupported_encoding', 'Leave Content-Encoding away, and send the bytes as they are.');
  }
  // Fastify refuses what is not a well-formed media type (`text`), and looks up a parser for every new one. There is only
  // one parser, so the header is of no use after this point.
  if (headers['content-type'] !== undefined) headers['content-type'] = undefined;
  return undefined;
}

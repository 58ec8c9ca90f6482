/**
 * `/client.js`: the client library, for pages that have no bundler. One file, read once and kept as it is and gzipped.
 *
 * One, although parts of it are for few: of a fleet that is being replaced nobody knows who answers, and a page that is open for
 * days would ask the new servers for parts of the old library (ADR 24).
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { constants, gzipSync } from 'node:zlib';
import type { FastifyInstance } from 'fastify';
import { Problem } from '../errors.ts';
import { isNamed } from './etag.ts';
import { NOSNIFF } from './problem.ts';

/** A visit of several pages asks once; what is mended in it is in use some minutes later. */
const MAX_AGE_S = 300;

const headers = {
  'cache-control': `public, max-age=${MAX_AGE_S}`,
  // Also where there is no Origin: without it a cache would give what a page may not read to one that may.
  vary: 'Origin, Accept-Encoding',
  ...NOSNIFF,
};

interface Copy {
  readonly body: Buffer;
  readonly etag: string;
}

interface Library {
  readonly plain: Copy;
  readonly gzipped: Copy;
}

/** A coding that is named and not refused by `q=0` (RFC 9110 §12.5.3). */
const takesGzip = /(?:^|,)\s*gzip\s*(?:;\s*q=(?!0(?:\.0*)?\s*(?:,|$))[^,]*)?(?:,|$)/i;

export function libraryRoutes(app: FastifyInstance, file = new URL('../web/client.js', import.meta.url)): void {
  const library = read(file);
  app.get(
    '/client.js',
    { config: { right: 'open' }, schema: { hide: true }, exposeHeadRoute: true },
    (request, reply) => {
      if (library === undefined)
        throw new Problem('not_found', 'This server runs from its sources: npm run build makes it.');
      const isZipped = takesGzip.test(String(request.headers['accept-encoding'] ?? ''));
      const { body, etag } = isZipped ? library.gzipped : library.plain;
      reply.headers(headers).header('etag', etag);
      const known = request.headers['if-none-match'];
      if (known !== undefined && isNamed(etag, known)) return reply.code(304).send();
      if (isZipped) reply.header('content-encoding', 'gzip');
      return reply.type('text/javascript; charset=utf-8').send(body);
    },
  );
}

function read(file: URL): Library | undefined {
  if (!existsSync(file)) return undefined;
  const body = readFileSync(file);
  const hash = createHash('sha256').update(body).digest('base64url').slice(0, 22);
  // Of two codings a cache must be able to tell which it has.
  const gzipped = { body: gzipSync(body, { level: constants.Z_BEST_COMPRESSION }), etag: `"${hash}.gz"` };
  return { plain: { body, etag: `"${hash}"` }, gzipped };
}

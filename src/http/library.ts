/**
 * `/client.js`: the client library, for pages that have no bundler.
 *
 * One file, although parts of it are for few: of a fleet that is being replaced nobody knows who answers, and a page that is open for
 * days would ask the new servers for parts of the old library (ADR 24).
 */
import type { FastifyInstance } from 'fastify';
import { Problem } from '../errors.ts';
import { readKept, sendKept } from './kept-file.ts';
import { NOSNIFF } from './problem.ts';

/** A visit of several pages asks once; what is mended in it is in use some minutes later. */
const MAX_AGE_S = 300;

const headers = {
  'cache-control': `public, max-age=${MAX_AGE_S}`,
  // Also where there is no Origin: without it a cache would give what a page may not read to one that may.
  vary: 'Origin, Accept-Encoding',
  ...NOSNIFF,
};

export function libraryRoutes(app: FastifyInstance, file = new URL('../web/client.js', import.meta.url)): void {
  const library = readKept(file);
  app.get(
    '/client.js',
    { config: { right: 'open' }, schema: { hide: true }, exposeHeadRoute: true },
    (request, reply) => {
      if (library === undefined)
        throw new Problem('not_found', 'This server runs from its sources: npm run build makes it.');
      return sendKept(request, reply, library, { type: 'text/javascript; charset=utf-8', headers });
    },
  );
}

/** `POST /admin/erase`: takes away all that a publisher sent (P43). For operators who have `ADMIN_KEY`; it is there only with that. */
import type { FastifyInstance } from 'fastify';
import { ArchiveUnavailable, EngineUnavailable, Problem } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { RouteDocument } from './openapi.ts';
import { type KeyDeps, keyHolders } from './operator-key.ts';
import { objectIn } from './operator-wish.ts';
import { NOSNIFF } from './problem.ts';

export interface EraseDeps extends KeyDeps {
  readonly eraser: {
    /** @throws {Problem} */
    erase(name: string): Promise<{ readonly events: number; readonly channels: number; readonly fields: number }>;
  };
  readonly log: Pick<Logger, 'info' | 'warn'>;
}

const BODY_MAX_BYTES = 4096;

const BODY = 'The body is JSON: {"name":"…"}, of a publisher: what stands before the dot of its from.';
const UNKNOWN = 'Not all of it is erased, or nobody knows: send the very same request again.';

const problem = { $ref: 'problem#' } as const;

export const eraseDocument: RouteDocument = {
  method: 'POST',
  url: '/admin/erase',
  config: { right: 'operator' },
  schema: {
    summary: 'Erase what a publisher sent',
    description: 'For operators, with ADMIN_KEY as the bearer, where /metrics is; there in processes that merge (P43).',
    body: {
      type: 'object',
      required: ['name'],
      properties: { name: { type: 'string', pattern: '^[A-Za-z0-9_-]{1,40}$' } },
    },
    response: {
      200: {
        description: 'Nothing is left of it; what this request found',
        type: 'object',
        properties: {
          name: { type: 'string' },
          events: { type: 'integer', description: 'Changes that waited to be merged among them' },
          channels: { type: 'integer' },
          fields: { type: 'integer', description: 'Of states: that went, or count less' },
        },
      },
      400: { ...problem, description: 'No such name' },
      401: { ...problem, description: 'Not the key' },
      501: { ...problem, description: 'There is an archive, and this process has no DATABASE_URL: nothing was done' },
      503: { ...problem, description: 'Not all of it may be erased: the very same again' },
    },
  },
};

export function eraseRoute(app: FastifyInstance, deps: EraseDeps): void {
  const { eraser, log } = deps;
  const { config } = eraseDocument;
  const options = { config: config!, schema: { hide: true }, bodyLimit: BODY_MAX_BYTES, onRequest: keyHolders(deps) };

  app.post(eraseDocument.url, options, async ({ body }, reply) => {
    const { name, ...others } = objectIn(body, BODY);
    if (typeof name !== 'string' || Object.keys(others).length > 0) throw new Problem('bad_request', BODY);
    const erased = await eraser.erase(name).catch((error: unknown) => {
      if (!(error instanceof EngineUnavailable || error instanceof ArchiveUnavailable)) throw error;
      log.warn({ err: error }, 'a publisher is not erased, or in part');
      throw new Problem('engine_unavailable', UNKNOWN);
    });
    // Not by name: a log is kept for longer than this is meant to be remembered.
    log.info(erased, 'a publisher is erased');
    return reply.headers({ 'cache-control': 'no-store', ...NOSNIFF }).send({ name, ...erased });
  });
}

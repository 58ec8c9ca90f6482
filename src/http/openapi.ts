/**
 * `/openapi.json`: what the routes say of themselves, and what is said of those that other processes of the fleet have: behind
 * one address nobody knows which of them answers, and P27 promises all.
 *
 * Route schemas are documentation and nothing else: requests are not validated by them, because our own sentences say
 * better what would be right, and answers are not serialised by them.
 */
import swagger from '@fastify/swagger';
import fastify, { type FastifyInstance, type RouteOptions } from 'fastify';
import { type IsPublic, securityOf, securitySchemes } from './openapi-security.ts';
import { NOSNIFF, problemSchema } from './problem.ts';

/** A route as it is described, whoever serves it. */
export type RouteDocument = Pick<RouteOptions, 'method' | 'url' | 'schema' | 'config'>;

/** Of every operation that needs a right. */
export const refusals = {
  401: {
    $ref: 'problem#',
    description: 'No token, or one that is not valid or has expired: WWW-Authenticate and code say which (P34)',
  },
  403: { $ref: 'problem#', description: 'Not granted by the token; or sent to a Host that is not ours' },
  503: {
    $ref: 'problem#',
    description: 'No room here, or the store or the keys of tokens cannot be asked: try again later',
  },
} as const;

export interface DocumentInit {
  readonly elsewhere: readonly RouteDocument[];
  /** Whether some of it can also be had without a token; null where nobody is asked for one. */
  readonly isPublic: IsPublic | null;
}

/** Must be awaited before any route is added: the document is made of the routes that come after, and of `elsewhere`. */
export async function documentRoutes(app: FastifyInstance, { elsewhere, isPublic }: DocumentInit): Promise<void> {
  await describeRoutes(app, isPublic);
  // Never listens: it only has its routes described, in the way of all others.
  const paper = fastify();
  await describeRoutes(paper, isPublic);
  for (const route of elsewhere) paper.route({ ...route, handler: () => undefined });
  await paper.ready();
  let document: Buffer | undefined;
  app.get(
    '/openapi.json',
    { config: { right: 'open' }, schema: { hide: true }, exposeHeadRoute: true },
    (_request, reply) => {
      document ??= Buffer.from(JSON.stringify(merged(app, paper)));
      return reply.type('application/json').headers(NOSNIFF).send(document);
    },
  );
}

async function describeRoutes(app: FastifyInstance, isPublic: DocumentInit['isPublic']): Promise<void> {
  app.setValidatorCompiler(() => () => true);
  app.setSerializerCompiler(() => (data) => JSON.stringify(data));
  app.addSchema(problemSchema);
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'smallchange',
        description: 'One byte up by POST, every byte down by SSE.',
        version: '0.1.0',
      },
      ...(isPublic !== null && { components: { securitySchemes } }),
    },
    transform: ({ schema, url, route: { config } }) => {
      const security = isPublic === null ? undefined : securityOf(config, isPublic);
      return { schema: security === undefined ? schema : { ...schema, security }, url };
    },
    refResolver: { buildLocalReference: (json, _baseUri, _fragment, i) => String(json.$id ?? `def-${i}`) },
  });
}

function merged(app: FastifyInstance, paper: FastifyInstance) {
  const own = app.swagger();
  return { ...own, paths: { ...paper.swagger().paths, ...own.paths } };
}

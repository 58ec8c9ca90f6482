/**
 * `/openapi.json`: what the routes say of themselves.
 *
 * Route schemas are documentation and nothing else: requests are not validated by them, because our own sentences say
 * better what would be right, and answers are not serialised by them.
 */
import swagger from '@fastify/swagger';
import type { FastifyInstance } from 'fastify';
import { problemSchema } from './problem.ts';

/** Must be awaited before any route is added: the document is made of the routes that come after. */
export async function documentRoutes(app: FastifyInstance): Promise<void> {
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
    },
    refResolver: { buildLocalReference: (json, _baseUri, _fragment, i) => String(json.$id ?? `def-${i}`) },
  });
  let document: Buffer | undefined;
  app.get('/openapi.json', { schema: { hide: true }, exposeHeadRoute: true }, (_request, reply) => {
    document ??= Buffer.from(JSON.stringify(app.swagger()));
    return reply.type('application/json').send(document);
  });
}

/**
 * Health: `/healthz` says that the process lives, `/readyz` whether new work should be sent here.
 *
 * They are two, because what is not ready (draining, waiting for its store) must not be restarted for it.
 */
import type { FastifyInstance } from 'fastify';
import { NOSNIFF } from './problem.ts';

export interface Readiness {
  /** What is asked, as `/readyz` calls it. */
  readonly name: string;
  ready(): boolean;
}

const headers = { 'cache-control': 'no-store', ...NOSNIFF };

const health = { type: 'object', properties: { status: { type: 'string' } } } as const;
const readiness = {
  type: 'object',
  properties: { ready: { type: 'boolean' }, checks: { type: 'object', additionalProperties: { type: 'boolean' } } },
} as const;

export function healthRoutes(app: FastifyInstance, checks: readonly Readiness[]): void {
  app.get(
    '/healthz',
    {
      config: { right: 'open' },
      exposeHeadRoute: true,
      schema: { summary: 'Whether the process lives', response: { 200: { description: 'It does', ...health } } },
    },
    (_request, reply) => reply.headers(headers).send({ status: 'ok' }),
  );
  app.get(
    '/readyz',
    {
      config: { right: 'open' },
      exposeHeadRoute: true,
      schema: {
        summary: 'Whether it wants new work',
        response: { 200: { description: 'It does', ...readiness }, 503: { description: 'Not now', ...readiness } },
      },
    },
    (_request, reply) => {
      const answers = checks.map((check) => [check.name, check.ready()] as const);
      const ready = answers.every(([, isReady]) => isReady);
      return reply
        .code(ready ? 200 : 503)
        .headers(headers)
        .send({ ready, checks: Object.fromEntries(answers) });
    },
  );
}

/** A route says what right it needs, or the server does not start; and no request comes to it without somebody. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { FastifyInstance } from 'fastify';
import { everybody } from '../../src/access/principal.ts';
import { startHttpApp } from '../support/http-app.ts';

it('a route that says nothing does not start', async () => {
  for (const add of [
    (app: FastifyInstance) => app.get('/x', () => 'x'),
    (app: FastifyInstance) => app.route({ method: ['POST', 'PUT'], url: '/x', config: {}, handler: () => 'x' }),
    (app: FastifyInstance) => app.get('/x', { config: { hint: 'x' } }, () => 'x'),
  ]) {
    const starting = startHttpApp((app) => void add(app)).then((http) => http[Symbol.asyncDispose]());
    await assert.rejects(starting, /the route \/x does not say what right it needs/);
  }
});

it('one that needs a right is asked with a principal, others without', async () => {
  const seen: unknown[] = [];
  await using http = await startHttpApp((app) => {
    for (const right of ['publish', 'subscribe', 'history', 'open', 'operator'] as const) {
      app.get(`/${right}`, { config: { right } }, ({ principal }) => {
        seen.push(principal);
        return 'x';
      });
    }
  });
  for (const right of ['publish', 'subscribe', 'history', 'open', 'operator'])
    await (await fetch(`${http.url}/${right}`)).text();
  assert.deepEqual(seen, [everybody, everybody, everybody, null, null]);
});

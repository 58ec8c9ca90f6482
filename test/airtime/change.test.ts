/** A change over HTTP/2 with the session cookie, and an event, weigh no more at the edge than docs/airtime.md tells. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { overHttp2 } from '../../loadtest/bench/airtime/http2.ts';
import { measure } from '../../loadtest/bench/airtime/measure.ts';
import { aims } from '../../loadtest/bench/airtime/tables.ts';
import { talk } from '../../loadtest/bench/airtime/talk.ts';
import { startLocalApp } from '../support/app.ts';
import { startEdge } from '../support/edge.ts';
import { signIn } from '../support/sessions.ts';
import { SECRET } from '../support/tokens.ts';

const ROUNDS = 4;

it('a change and an event stay within their bounds', async () => {
  await using app = await startLocalApp({ AUTH: 'jwt', JWT_SECRET: SECRET, AUTH_ANONYMOUS: '{"publish":["*"]}' });
  await using edge = await startEdge('haproxy', { buckets: [app], gateways: [app] });
  const { headers } = await signIn(app.url, { publish: ['*'], subscribe: ['*'], names: ['alice'] });
  const way = talk('', { edge, server: app.url, over: overHttp2, fields: headers });
  const measured = await measure(way, ROUNDS);
  for (const { what, atMost, of } of aims) assert.ok(of(measured) <= atMost, `${what}: ${of(measured)} bytes`);
});

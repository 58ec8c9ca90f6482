/** A server that is cut off from its Redis while a token is revoked lets nobody in by a token, ends nothing, and catches up once it is back (P42). */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { startLocalApp } from '../support/app.ts';
import { startCutProxy } from '../support/cut-proxy.ts';
import { Listening } from '../support/listening.ts';
import { startRedis } from '../support/redis-server.ts';
import { ADMIN_KEY, askToRevoke, revoke } from '../support/revoking.ts';
import { bearer, SECRET } from '../support/tokens.ts';
import { waitFor } from '../support/wait.ts';

const grant = { publish: ['*'], subscribe: ['*'] };

it('a token that is revoked while a server does not reach Redis', async () => {
  await using redis = await startRedis();
  await using proxy = await startCutProxy(redis.url);
  const env = { AUTH: 'jwt', JWT_SECRET: SECRET, ADMIN_KEY };
  await using here = await startLocalApp({ ...env, REDIS_URL: redis.url });
  await using there = await startLocalApp({ ...env, REDIS_URL: proxy.url });
  const mine = { authorization: bearer(grant, { sub: 'mine' }) };
  const others = { authorization: bearer(grant, { sub: 'others' }) };
  const streams = [
    await Listening.open(`${there.url}/c/a/events`, mine),
    await Listening.open(`${there.url}/c/a/events`, others),
  ] as const;
  const said = async (headers: Record<string, string>, path = '/c/a/state') => {
    const answer = await fetch(there.url + path, { headers, signal: AbortSignal.timeout(10_000) });
    const text = await answer.text();
    return `${answer.status} ${/"code":"(\w+)"|"status":"(\w+)"/.exec(text)?.slice(1).join('') ?? ''}`.trim();
  };
  assert.equal(await said(mine), '200');

  proxy.hold();
  proxy.cut();
  await revoke(here.url, { sub: 'mine' });
  await waitFor(async () => (await said(mine)) === '503 auth_unavailable', { what: 'nobody to be let in' });
  assert.equal(await said(others), '503 auth_unavailable');
  assert.equal(await said({ ...mine, accept: 'text/event-stream' }, '/c/a/events'), '200 unavailable');
  assert.equal((await askToRevoke(there.url, { sub: 'others' })).status, 503);
  for (const stream of streams) assert.equal(stream.isOver, false, stream.text);

  proxy.release();
  await streams[0].over();
  assert.match(streams[0].text, /event: \$auth\ndata: \{"status":"revoked"\}\n\n$/);
  await waitFor(async () => (await said(others)) === '200', { what: 'the others to be let in' });
  assert.equal(await said(mine), '401 token_revoked');
  assert.equal(streams[1].isOver, false, streams[1].text);
  streams[1].leave();
});

/** A store that does not answer is nobody's fault: 503 or the polite frame, never 401, and what is open stays. With a Redis that stands still. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { startLocalApp } from '../support/app.ts';
import { Listening } from '../support/listening.ts';
import { startRedis } from '../support/redis-server.ts';
import { type SignedIn, signIn, signOut } from '../support/sessions.ts';
import { bearer, SECRET } from '../support/tokens.ts';
import { waitFor } from '../support/wait.ts';

const grant = { publish: ['*'], subscribe: ['*'] };

it('a session that ends while nobody is told', async () => {
  await using redis = await startRedis();
  const env = { AUTH: 'jwt', JWT_SECRET: SECRET, REDIS_URL: redis.url };
  await using here = await startLocalApp(env);
  await using there = await startLocalApp(env);
  const session = await signIn(here.url, grant);
  const stream = await Listening.open(`${there.url}/c/a/events`, session.headers);
  // Redis keeps nothing for who is away.
  await redis.cli('CLIENT', 'KILL', 'TYPE', 'pubsub');
  await signOut(here.url, session);
  const beganMs = Date.now();
  await stream.over();
  assert.match(stream.text, /"status":"revoked"\}\n\n$/);
  assert.ok(Date.now() - beganMs < 15_000, `${Date.now() - beganMs} ms`);
});

it('sessions while Redis stands still', async () => {
  await using redis = await startRedis();
  await using server = await startLocalApp({ AUTH: 'jwt', JWT_SECRET: SECRET, REDIS_URL: redis.url });
  const known = await signIn(server.url, grant);
  const unknown: SignedIn = { ...known, headers: { ...known.headers, cookie: `__Host-sc=${'A'.repeat(22)}` } };
  const leaving = new AbortController();
  const stream = await fetch(`${server.url}/c/a/events`, { headers: known.headers, signal: leaving.signal });
  let text = '';
  let isOver = false;
  const reading = (async () => {
    for await (const chunk of stream.body!) text += Buffer.from(chunk).toString();
  })().then(
    () => {
      isOver = true;
    },
    () => undefined,
  );
  await waitFor(() => text.includes('$sync'), { what: 'the stream' });

  redis.pause();
  const ask = async (
    { headers }: SignedIn,
    path: string,
    init: RequestInit & { more?: Record<string, string> } = {},
  ) => {
    const signal = AbortSignal.timeout(10_000);
    const answer = await fetch(server.url + path, { ...init, signal, headers: { ...headers, ...init.more } });
    const { value } = (await answer.body?.getReader().read()) ?? {};
    return {
      status: answer.status,
      retryAfter: answer.headers.get('retry-after'),
      text: Buffer.from(value ?? []).toString(),
    };
  };
  await waitFor(async () => (await ask(known, '/c/a', { method: 'POST', body: 'x' })).status === 503, { what: '503' });
  // One that is known may still be let in, for as long as it can be relied on.
  for (const session of [unknown, known]) {
    for (const [path, init] of [
      ['/c/a', { method: 'POST', body: 'x' }],
      ['/c/a/state', {}],
      ['/c/a/history', {}],
      ['/c/a/events?strict=1', {}],
      ['/c/a/events?format=json', {}],
      ['/session', { method: 'DELETE' }],
      ['/session', { method: 'POST', more: { authorization: bearer(grant) } }],
    ] as const) {
      const { status, retryAfter } = await ask(session, path, init);
      const isLetIn = session === known && 'method' in init === false && status === 200;
      assert.ok(isLetIn || status === 503, `${path} ${status}`);
      assert.ok(isLetIn || Number(retryAfter) >= 1, path);
    }
  }
  const polite = await ask(unknown, '/c/a/events', { more: { accept: 'text/event-stream' } });
  assert.equal(polite.status, 200);
  assert.match(polite.text, /^retry: \d{5}\nevent: \$auth\ndata: \{"status":"unavailable"\}\n\n$/);

  redis.resume();
  await waitFor(async () => (await ask(known, '/c/a', { method: 'POST', body: 'again' })).status === 204, {
    what: '204',
  });
  await waitFor(() => text.includes('again'), { what: 'the stream to go on' });
  assert.equal((await ask(unknown, '/c/a/state')).status, 401);
  assert.equal(isOver, false, text);
  await signOut(server.url, known);
  await waitFor(() => isOver, { what: 'the end of the stream' });
  leaving.abort();
  await reading;
});

/**
 * Keys that cannot be had are nobody's fault: 503 or the polite frame by every way, never 401, and what is open stays. Once they were had,
 * who brings a token of a key that is known notices nothing. Through both edges: `test/edge/access.test.ts`.
 */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { it } from 'node:test';
import { startLocalApp } from '../support/app.ts';
import { ask } from '../support/ask.ts';
import { Listening } from '../support/listening.ts';
import { AUDIENCE, bearer, granting, pair, SECRET, token } from '../support/tokens.ts';
import { waitFor } from '../support/wait.ts';

const grant = { publish: ['*'], subscribe: ['*'], name: 'alice' };
const key = pair('ES256', 'theirs');

/** A token of the provider's that nobody has seen before. */
let made = 0;
const theirs = (kid = 'theirs') => `Bearer ${token(granting(grant, { jti: `${made++}` }), key, { kid })}`;

const BODY = 'Content-Length: 1\r\n\r\nx';
const NONE = 'Content-Length: 0\r\n\r\n';

/** What is answered where it may be done, and what is sent: a head without its end, and the rest. */
const ways: Readonly<Record<string, readonly [fine: number, start: string, rest?: string]>> = {
  'a POST': [204, 'POST /c/a', BODY],
  'a POST of a publisher': [204, 'POST /c/a?from=alice.n1&seq=1', BODY],
  'a PUT': [204, 'PUT /c/a?from=alice.n2&seq=1', BODY],
  'a stream': [200, 'GET /c/a/events?strict=1'],
  NDJSON: [200, 'GET /c/a/events?format=ndjson'],
  'a stream with a cursor': [200, 'GET /c/a/events?strict=1&since=earliest'],
  'a poll': [200, 'GET /c/a/events?format=json'],
  'a poll that waits': [200, 'GET /c/a/events?format=json&wait=1'],
  'the state': [200, 'GET /c/a/state'],
  'the history': [200, 'GET /c/a/history'],
  'a session': [204, 'POST /session', NONE],
  'a ticket': [201, 'POST /tickets?channels=a', NONE],
};

const EVENT_SOURCE = 'GET /c/a/events HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n';

it('while the keys of JWKS_URL are away', async () => {
  let isAway = true;
  const provider = createServer((_request, response) => {
    if (isAway) response.writeHead(500).end();
    else response.end(JSON.stringify({ keys: [key.jwk()] }));
  });
  await new Promise<void>((resolve) => provider.listen(0, '127.0.0.1', resolve));
  const JWKS_URL = `http://127.0.0.1:${(provider.address() as AddressInfo).port}/keys`;
  await using server = await startLocalApp({
    ...{ AUTH: 'jwt', JWT_SECRET: SECRET, JWT_AUDIENCE: AUDIENCE, JWKS_URL },
    MAX_SESSIONS_PER_MIN_PER_SUB: '0',
  });
  const { port, url } = server;

  /** By each way, and each in one segment and in two, with a token of its own. */
  async function everyWay(bring: () => string, expected: (fine: number) => RegExp): Promise<void> {
    await Promise.all(
      Object.entries(ways).flatMap(([what, [fine, start, rest = '\r\n']]) =>
        [1, 2].map(async (segments) => {
          const head = `${start} HTTP/1.1\r\nHost: localhost\r\nAuthorization: ${bring()}\r\n`;
          const answer = await ask(port, segments === 1 ? [head + rest] : [head, rest]);
          assert.match(answer, expected(fine), `${what}, in ${segments}`);
        }),
      ),
    );
  }
  const eventSource = (authorization: string) =>
    ask(port, [`${EVENT_SOURCE}Authorization: ${authorization}\r\n\r\n`], { until: /data: .*\n\n/ });
  const isLetIn = (fine: number) => new RegExp(`^HTTP/1\\.1 ${fine} `);

  // By the secret, for which nobody has to be asked.
  const own = { authorization: bearer(grant) };
  const stream = await Listening.open(`${url}/c/a/events`, own);
  const poll = fetch(`${url}/c/quiet/events?format=json&wait=2`, { headers: own });

  await everyWay(theirs, () => /^HTTP\/1\.1 503 .*^retry-after: \d\r$.*"code":"auth_unavailable"/ims);
  assert.match(
    await eventSource(theirs()),
    /^HTTP\/1\.1 200 .*^X-Auth: 503\r$.*^retry: (1[5-9]|[234]\d)\d{3}\nevent: \$auth\ndata: \{"status":"unavailable"\}\n\n$/ims,
  );
  await everyWay(() => own.authorization, isLetIn);
  assert.equal((await poll).status, 200, 'a poll that waited then');

  isAway = false;
  const theirStream = await waitFor(
    async () => {
      const headers = { authorization: theirs() };
      const { status } = await fetch(`${url}/c/a/state`, { headers });
      return status === 200 ? await Listening.open(`${url}/c/a/events`, headers) : undefined;
    },
    { what: 'the keys', everyMs: 250 },
  );
  isAway = true;
  await everyWay(theirs, isLetIn);
  assert.match(await eventSource(theirs()), /event: \$sync/);
  // One that is not among them may be nobody's.
  await everyWay(
    () => theirs('another'),
    () => /^HTTP\/1\.1 401 .*"code":"invalid_token"/s,
  );

  await fetch(`${url}/c/a`, { method: 'POST', body: 'still here', headers: own });
  for (const each of [stream, theirStream]) {
    await waitFor(() => each.text.includes('still here'), { what: 'the streams to go on' });
    assert.ok(!each.isOver && !each.text.includes('$auth'), each.text);
    each.leave();
  }
  provider.closeAllConnections();
  provider.close();
});

/** Who is not let in, through both edges: an EventSource is told by a stream, all others by the status, in our words (P32). */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { EventSource } from 'undici';
import { ask } from '../support/ask.ts';
import { type Edge, type EdgeProcess, edges, startEdge } from '../support/edge.ts';
import { Listening } from '../support/listening.ts';
import { type ServerProcess, startServer } from '../support/process.ts';
import { ADMIN_KEY, revoke } from '../support/revoking.ts';
import { signIn } from '../support/sessions.ts';
import { AUDIENCE, bearer, granting, nowS, pair, SECRET, token } from '../support/tokens.ts';
import { waitFor } from '../support/wait.ts';

const sse = { accept: 'text/event-stream' };
const grant = { publish: ['a.*'], subscribe: ['a.*'] };
const good = { authorization: bearer(grant) };
const expired = { authorization: bearer(grant, { exp: nowS() - 5 }) };
const nonsense = { authorization: 'Bearer nonsense' };
const revoked = { authorization: bearer(grant, { jti: 'revoked' }) };
/** By a key that cannot be had. */
const unknown = { authorization: `Bearer ${token(granting(grant), pair('ES256', 'away'))}` };
/** Nobody is there. */
const JWKS_URL = 'http://127.0.0.1:1/keys';
const REVOKED = /retry: \d+\nevent: \$auth\ndata: \{"status":"revoked"\}\n\n$/;

/** What any server of ours might say, and what it was asked. */
async function startRefuser(): Promise<{ url: string; asked: IncomingHttpHeaders[]; stop(): void }> {
  const asked: IncomingHttpHeaders[] = [];
  const server = createServer((incoming, response) => {
    if (incoming.url === '/readyz') return response.end();
    asked.push(incoming.headers);
    response.writeHead(429, { 'content-type': 'application/problem+json', 'retry-after': '7' });
    response.end('{"detail":"our own reason"}\n');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    stop() {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** For both edges: each has nothing left open when the other begins. */
let server: ServerProcess;
before(async () => {
  const env = { AUTH: 'jwt', JWT_SECRET: SECRET, JWT_AUDIENCE: AUDIENCE, JWKS_URL, ADMIN_KEY };
  server = await startServer({ env: { ...env, CORS_ORIGINS: 'https://app.example' } });
  await revoke(server.url, { jti: 'revoked' });
});
after(() => server?.stop());

function tests(edge: Edge): void {
  let refuser: Awaited<ReturnType<typeof startRefuser>>;
  let proxy: EdgeProcess;
  let refusing: EdgeProcess;
  before(async () => {
    proxy = await startEdge(edge, { buckets: [server], gateways: [server] });
    refuser = await startRefuser();
    refusing = await startEdge(edge, { buckets: [refuser], gateways: [refuser] });
  });
  after(async () => {
    await proxy?.stop();
    await refusing?.stop();
    refuser?.stop();
  });
  const get = (path: string, headers: Record<string, string>) => fetch(`${proxy.plainUrl}${path}`, { headers });

  for (const [status, code, headers, path] of [
    ['unauthenticated', 401, {}, '/c/a.1/events'],
    ['invalid', 401, nonsense, '/c/a.1/events'],
    ['expired', 401, expired, '/c/a.1/events'],
    ['revoked', 401, revoked, '/c/a.1/events'],
    ['forbidden', 403, good, '/c/b/events'],
    ['forbidden', 403, good, '/c/a.1,b/events?since=earliest'],
  ] as const) {
    it(`an EventSource is told ${status} for ${path}`, async () => {
      const answer = await get(path, { ...sse, ...headers });
      assert.equal(answer.status, 200);
      assert.equal(answer.headers.get('content-type'), 'text/event-stream');
      assert.equal(answer.headers.get('x-auth'), String(code));
      assert.match(
        await answer.text(),
        new RegExp(`^retry: \\d+\\nevent: \\$auth\\ndata: \\{"status":"${status}"\\}\\n\\n$`),
      );
    });

    it(`a program, and who is strict, is told ${code} for ${path}`, async () => {
      for (const [asked, accept] of [
        [path, '*/*'],
        [path, 'application/x-ndjson'],
        [`${path}${path.includes('?') ? '&' : '?'}strict=1`, 'text/event-stream'],
        [`${path}${path.includes('?') ? '&' : '?'}format=json`, '*/*'],
      ] as const) {
        const answer = await get(asked, { ...headers, accept });
        assert.equal(answer.status, code, `${asked} ${accept}`);
        assert.equal(answer.headers.get('content-type'), 'application/problem+json');
        assert.match(answer.headers.get('www-authenticate') ?? '', /^Bearer/);
        assert.match(
          await answer.text(),
          /"code":"(unauthenticated|invalid_token|token_expired|token_revoked|forbidden)"/,
        );
      }
    });
  }

  it('undici’s EventSource stays, and is told', async () => {
    const source = new EventSource(`${proxy.plainUrl}/c/a.1/events`);
    let told = '';
    source.addEventListener('$auth', (event) => {
      told = (event as unknown as MessageEvent).data as string;
    });
    await waitFor(() => told !== '', { what: 'an $auth' });
    assert.deepEqual(JSON.parse(told), { status: 'unauthenticated' });
    await waitFor(() => source.readyState === EventSource.CONNECTING, { what: 'it to come back later' });
    source.close();
  });

  it('changes are told the status', async () => {
    const post = (path: string, headers: Record<string, string>) =>
      fetch(`${proxy.plainUrl}${path}`, { method: 'POST', body: 'x', headers });
    for (const [path, headers, status] of [
      ['/c/a.1', {}, 401],
      ['/c/a.1', expired, 401],
      ['/c/a.1', revoked, 401],
      ['/c/b', good, 403],
      ['/c/a.1?from=bob.n1&seq=1', good, 403],
      ['/c/a.1?from=alice.n1&seq=1', good, 204],
    ] as const) {
      const answer = await post(path, headers);
      assert.equal(answer.status, status, path);
      await answer.body?.cancel();
    }
  });

  it('a page of a listed origin may send a token, and read what it is told', async () => {
    const origin = 'https://app.example';
    const preflight = await fetch(`${proxy.plainUrl}/c/a.1`, {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization' },
    });
    assert.equal(preflight.status, 204);
    assert.match(preflight.headers.get('access-control-allow-headers') ?? '', /Authorization/i);
    for (const path of ['/c/a.1/events', '/c/a.1/state']) {
      const answer = await get(path, { ...nonsense, origin });
      assert.equal(answer.status, 401);
      assert.equal(answer.headers.get('access-control-allow-origin'), origin);
      await answer.body?.cancel();
      const stranger = await get(path, { ...nonsense, origin: 'https://evil.example' });
      assert.equal(stranger.headers.get('access-control-allow-origin'), null);
      await stranger.body?.cancel();
    }
  });

  it('a page’s session begins, opens streams, is renewed without a cut, and ends', async () => {
    const secure = { 'x-forwarded-proto': 'https' };
    const begin = (more: Record<string, string>) =>
      fetch(`${proxy.plainUrl}/session`, { method: 'POST', headers: { ...good, ...more } });
    const begun = await begin(secure);
    assert.equal(begun.status, 204, await begun.text());
    const cookie = begun.headers.get('set-cookie')!.split(';', 1)[0]!;
    const page = { cookie, 'sec-fetch-site': 'same-origin' };
    const stream = await Listening.open(`${proxy.plainUrl}/c/a.1/events`, { ...sse, ...page });
    const renewed = await begin({ ...secure, ...page });
    assert.equal(renewed.headers.get('set-cookie')!.split(';', 1)[0], cookie);
    await stream.told('renewed');
    const send = (site: string) =>
      fetch(`${proxy.plainUrl}/c/a.1`, {
        method: 'POST',
        body: 'by cookie',
        headers: { cookie, 'sec-fetch-site': site },
      });
    assert.equal((await send('cross-site')).status, 403);
    assert.equal((await send('same-origin')).status, 204);
    await waitFor(() => stream.text.includes('by cookie'), { what: 'the change' });
    const issued = await fetch(`${proxy.plainUrl}/tickets?channels=a.1`, { method: 'POST', headers: page });
    const { ticket } = (await issued.json()) as { ticket: string };
    const other = await Listening.open(`${proxy.plainUrl}/c/a.1/events?ticket=${ticket}`, sse);
    const ended = await fetch(`${proxy.plainUrl}/session`, { method: 'DELETE', headers: page });
    assert.equal(ended.status, 204);
    for (const each of [stream, other]) {
      await each.over();
      assert.match(each.text, /"status":"revoked"\}\n\n$/);
    }
    for (const [path, headers, status] of [
      ['/c/a.1/events', page, 'expired'],
      [`/c/a.1/events?ticket=${ticket}`, {}, 'invalid'],
    ] as const) {
      const answer = await get(path, { ...sse, ...headers });
      assert.match(
        await answer.text(),
        new RegExp(`^retry: \\d+\nevent: \\$auth\ndata: \\{"status":"${status}"\\}\n\n$`),
      );
    }
    for (const secret of [cookie.split('=')[1]!, ticket]) assert.ok(!(server.output() + proxy.log()).includes(secret));
  });

  it('a page of a listed origin may ask with its cookie', async () => {
    const preflight = await fetch(`${proxy.plainUrl}/session`, {
      method: 'OPTIONS',
      headers: { origin: 'https://app.example', 'access-control-request-method': 'DELETE' },
    });
    assert.match(preflight.headers.get('access-control-allow-methods') ?? '', /DELETE/);
    assert.equal(preflight.headers.get('access-control-allow-credentials'), 'true');
    assert.equal(preflight.headers.get('access-control-allow-origin'), 'https://app.example');
  });

  it('a stream ends with its token, and says so', async () => {
    const exp = nowS() + 4;
    const answer = await get('/c/a.1/events', { ...sse, authorization: bearer(grant, { exp }) });
    const text = await answer.text();
    const lateMs = Date.now() - exp * 1000;
    assert.match(text, /"status":"expiring"/);
    assert.match(text, /retry: \d+\nevent: \$auth\ndata: \{"status":"expired"\}\n\n$/);
    assert.ok(lateMs >= 0 && lateMs < 5_000, `${lateMs} ms after exp`);
  });

  /** A POST in one segment and in two, whose answers are the same. */
  async function posted(headers: Record<string, string>): Promise<string> {
    const port = Number(new URL(proxy.plainUrl).port);
    const fields = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    const start = `POST /c/a.1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n${fields.join('')}`;
    const answers = [await ask(port, [`${start}\r\nx`]), await ask(port, [start, '\r\nx'])];
    const [one, two] = answers.map((text) => {
      const [, status, code = ''] = /^HTTP\/1\.1 (\d{3})(?:.*"code":"(\w+)")?/s.exec(text) ?? [];
      return `${status} ${code}`.trim();
    });
    assert.equal(one, two);
    return one!;
  }

  it('what is revoked ends, and opens nothing more', async () => {
    const mine = { sub: `mallory-${edge}` };
    const headers = { authorization: bearer(grant, mine) };
    const page = (await signIn(server.url, grant, mine)).headers;
    const streams = [
      await Listening.open(`${proxy.plainUrl}/c/a.1/events`, { ...sse, ...headers }),
      await Listening.open(`${proxy.plainUrl}/c/a.1/events`, { ...sse, ...page }),
    ];
    const poll = get('/c/a.2/events?format=json&wait=25', headers);
    await waitFor(async () => /"polls":1/.test(await (await fetch(`${server.url}/load`)).text()), { what: 'the poll' });
    for (const each of [headers, page]) assert.equal(await posted(each), '204');
    const beganMs = Date.now();
    await revoke(server.url, mine);
    for (const stream of streams) {
      await stream.over();
      assert.match(stream.text, REVOKED);
    }
    const answer = await poll;
    assert.equal(answer.status, 401);
    assert.match(await answer.text(), /"code":"token_revoked"/);
    assert.ok(Date.now() - beganMs < 10_000, `${Date.now() - beganMs} ms`);
    for (const each of [headers, page]) {
      assert.equal(await posted(each), '401 token_revoked');
      assert.match(await (await get('/c/a.1/events', { ...sse, ...each })).text(), REVOKED);
    }
  });

  it('keys that cannot be had are 503, and to an EventSource unavailable, never 401', async () => {
    const polite = await get('/c/a.1/events', { ...sse, ...unknown });
    assert.equal(polite.status, 200);
    assert.equal(polite.headers.get('x-auth'), '503');
    assert.match(await polite.text(), /^retry: \d{5}\nevent: \$auth\ndata: \{"status":"unavailable"\}\n\n$/);
    assert.match(await posted(unknown), /^503 /);
    for (const path of ['/c/a.1/events?format=json', '/c/a.1/events?strict=1', '/c/a.1/state', '/c/a.1/history']) {
      const answer = await get(path, unknown);
      assert.equal(answer.status, 503, path);
      assert.ok(Number(answer.headers.get('retry-after')) >= 1, path);
      assert.match(await answer.text(), /"code":"(auth_unavailable|engine_unavailable|overloaded)"/, path);
    }
  });

  it('a 429 of a server is that server’s, and an EventSource is asked for as one', async () => {
    for (const [path, method, headers] of [
      ['/c/a.1', 'POST', {}],
      ['/c/a.1?from=a.b&seq=1', 'PUT', {}],
      ['/c/a.1/state', 'GET', {}],
      ['/c/a.1/events?format=json', 'GET', {}],
      ['/c/a.1/events', 'GET', {}],
      ['/c/a.1/events?strict=1', 'GET', sse],
      ['/c/a.1/events', 'GET', sse],
    ] as const) {
      const answer = await fetch(`${refusing.plainUrl}${path}`, {
        method,
        headers: { ...headers, 'x-event-source': 'of the client' },
        ...(method !== 'GET' && { body: 'x' }),
      });
      assert.equal(answer.status, 429, path);
      assert.equal(answer.headers.get('retry-after'), '7', path);
      assert.match(await answer.text(), /our own reason/, path);
      const isBare = headers === sse && !path.includes('strict');
      assert.equal(refuser.asked.at(-1)!['x-event-source'], isBare ? '1' : undefined, path);
    }
  });

  it('no token is in the log of the server or of the edge', () => {
    assert.doesNotMatch(server.output() + proxy.log(), /eyJ|nonsense/);
  });
}

for (const edge of edges) describe(`access through ${edge}`, () => tests(edge));

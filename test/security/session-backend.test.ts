/** A session for who brings no token, because the operator's own backend knows who that is (P36): asked once, of little, and believed in little. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, beforeEach, describe, it } from 'node:test';
import { type LocalApp, startLocalApp } from '../support/app.ts';
import { ADMIN_KEY, revoke } from '../support/revoking.ts';
import { OWN_PAGE } from '../support/sessions.ts';
import { bearer, nowS, SECRET } from '../support/tokens.ts';

const ALICE = { sub: 'alice', expiresIn: 600, smallchange: { publish: ['a'], subscribe: ['a'] } };

interface Asked {
  readonly headers: IncomingMessage['headers'];
  readonly body: unknown;
}

describe('a session by AUTH_URL', () => {
  let backend: Server;
  let server: LocalApp;
  let asked: Asked[] = [];
  let answer: (response: ServerResponse) => void;
  before(async () => {
    backend = createServer(async (request, response) => {
      let body = '';
      for await (const chunk of request) body += chunk;
      asked.push({ headers: request.headers, body: JSON.parse(body) });
      answer(response);
    });
    backend.listen(0, '127.0.0.1');
    await once(backend, 'listening');
    const url = `http://127.0.0.1:${(backend.address() as AddressInfo).port}/who`;
    server = await startLocalApp({
      ...{ AUTH: 'jwt', JWT_SECRET: SECRET, JWT_ISSUER: 'https://app.example', AUTH_URL: url },
      ...{ AUTH_FORWARD: 'cookie,x-login', CORS_ORIGINS: 'https://app.example', ADMIN_KEY },
    });
  });
  after(async () => {
    await server?.[Symbol.asyncDispose]();
    backend?.close();
    backend?.closeAllConnections();
  });
  beforeEach(() => {
    asked = [];
    answer = (response) => response.end(JSON.stringify(ALICE));
  });

  let logins = 0;
  /** Another each time: what was answered is remembered. */
  const newLogin = () => `login=${++logins}`;
  const begin = (headers: Record<string, string>) =>
    fetch(`${server.url}/session`, { method: 'POST', headers: { ...OWN_PAGE, ...headers } });
  const cookieOf = (made: Response) => made.headers.get('set-cookie')!.split(';', 1)[0]!;

  async function refused(headers: Record<string, string>): Promise<string> {
    const made = await begin(headers);
    assert.equal(made.headers.get('set-cookie'), null);
    return `${made.status} ${((await made.json()) as { code: string }).code}`;
  }

  it('stands for what the backend says, for as long as that says', async () => {
    const made = await begin({ cookie: newLogin() });
    assert.equal(made.status, 204);
    assert.match(made.headers.get('set-cookie')!, /; Max-Age=(59\d|600)$/);
    const headers = { ...OWN_PAGE, cookie: cookieOf(made) };
    const send = (path: string) => fetch(server.url + path, { method: 'POST', body: 'x', headers });
    assert.equal((await send('/c/a?from=alice.n1&seq=1')).status, 204);
    assert.equal((await send('/c/a?from=bob.n1&seq=1')).status, 403);
    assert.equal((await send('/c/b')).status, 403);
    // Neither a change nor a stream is a question.
    assert.equal(asked.length, 1);
  });

  it('is not begun by what was said before its sub was revoked, and is by what is said since', async () => {
    answer = (response) => response.end(JSON.stringify({ ...ALICE, sub: 'carol' }));
    const login = newLogin();
    const made = await begin({ cookie: login });
    assert.equal(made.status, 204);
    await revoke(server.url, { sub: 'carol' });
    const state = async (cookie: string) =>
      (await fetch(`${server.url}/c/a/state`, { headers: { ...OWN_PAGE, cookie } })).status;
    assert.equal(await state(cookieOf(made)), 401);
    assert.equal(await refused({ cookie: login }), '401 token_revoked');
    const again = await begin({ cookie: newLogin() });
    assert.equal(again.status, 204);
    assert.equal(await state(cookieOf(again)), 200);
  });

  it('is asked for with the headers that were named, and nothing else of the request', async () => {
    const { cookie } = { cookie: newLogin() };
    const first = await begin({ cookie, 'x-login': 'yes', 'x-other': 'no', 'user-agent': 'mine' });
    const own = cookieOf(first);
    await begin({ cookie: `a=1; ${own}; ${cookie}`, origin: 'https://app.example', 'sec-fetch-site': 'same-site' });
    assert.equal(asked.length, 2);
    const [one, other] = asked as [Asked, Asked];
    assert.deepEqual(
      [one.headers.cookie, one.headers['x-login'], one.headers['x-other'], one.headers['sec-fetch-site']],
      [cookie, 'yes', undefined, undefined],
    );
    assert.doesNotMatch(one.headers['user-agent'] ?? '', /mine/);
    assert.deepEqual(one.body, { method: 'session', channels: [], origin: null, ip: '127.0.0.1' });
    assert.equal(other.headers.cookie, `a=1; ${cookie}`);
    assert.deepEqual(other.body, { method: 'session', channels: [], origin: 'https://app.example', ip: '127.0.0.1' });
  });

  it('is asked for once by those that ask at once, and again a moment later', async () => {
    const cookie = newLogin();
    const made = await Promise.all(Array.from({ length: 10 }, () => begin({ cookie })));
    for (const { status } of made) assert.equal(status, 204);
    assert.equal((await begin({ cookie })).status, 204);
    assert.equal(asked.length, 1);
  });

  it('is not asked for by who brings a token, good or bad, nor by who brings nothing', async () => {
    const cookie = newLogin();
    assert.equal((await begin({ cookie, authorization: bearer({}, { iss: 'https://app.example' }) })).status, 204);
    assert.equal(await refused({ cookie, authorization: bearer({}, { exp: nowS() - 9 }) }), '401 token_expired');
    assert.equal(await refused({ cookie, authorization: 'Basic YTpi' }), '401 invalid_token');
    assert.equal(await refused({}), '401 unauthenticated');
    assert.equal(await refused({ cookie: '__Host-sc=AAAAAAAAAAAAAAAAAAAAAA' }), '401 unauthenticated');
    assert.equal(asked.length, 0);
  });

  it('is not made by a page of another site, whose visitor is signed in', async () => {
    const cookie = newLogin();
    for (const fields of [
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { 'sec-fetch-site': '' },
      { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' },
      { 'sec-fetch-site': 'same-site', origin: 'null' },
    ]) {
      assert.equal(await refused({ cookie, ...fields }), '403 forged_request');
    }
    assert.equal(asked.length, 0);
  });

  it('says no as the backend does', async () => {
    answer = (response) => response.writeHead(401).end('secret reasons');
    assert.equal(await refused({ cookie: newLogin() }), '401 unauthenticated');
    answer = (response) => response.writeHead(403).end('secret reasons');
    assert.equal(await refused({ cookie: newLogin() }), '403 forbidden');
  });

  it('is 503 for whatever is no answer, and nobody is let in', async () => {
    const saying = (value: unknown) => (response: ServerResponse) => response.end(JSON.stringify(value));
    const answers: readonly ((response: ServerResponse) => void)[] = [
      (response) => response.writeHead(500).end(JSON.stringify(ALICE)),
      (response) => response.writeHead(201).end(JSON.stringify(ALICE)),
      (response) => response.writeHead(302, { location: '/elsewhere' }).end(),
      (response) => response.end('{"sub":'),
      (response) => response.end(`${' '.repeat(65 << 10)}${JSON.stringify(ALICE)}`),
      (response) => void response.destroy(),
      // Longer than it is waited for.
      () => undefined,
      saying(null),
      saying([]),
      saying({ ...ALICE, expiresIn: undefined }),
      saying({ ...ALICE, expiresIn: undefined, exp: nowS() + 600 }),
      saying({ ...ALICE, expiresIn: 0 }),
      saying({ ...ALICE, expiresIn: '600' }),
      saying({ ...ALICE, expiresIn: 1e9 }),
      saying({ ...ALICE, sub: 7 }),
      saying({ ...ALICE, smallchange: { publish: ['a*'] } }),
    ];
    for (const [i, next] of answers.entries()) {
      answer = next;
      assert.equal(await refused({ cookie: newLogin() }), '503 auth_unavailable', `${i}`);
    }
    const lines = server.logged.filter(({ msg }) => msg === 'AUTH_URL does not say who somebody is');
    assert.equal(lines.length, 1);
    answer = (response) => response.end(JSON.stringify(ALICE));
    assert.equal((await begin({ cookie: newLogin() })).status, 204);
  });

  it('asks 16 at once, and the others to come again', async () => {
    const waiting: ServerResponse[] = [];
    answer = (response) => void waiting.push(response);
    const all = Array.from({ length: 30 }, () => begin({ cookie: newLogin() }));
    const statuses = (await Promise.all(all)).map(({ status }) => status);
    assert.ok(waiting.length <= 16, `${waiting.length}`);
    assert.ok(statuses.every((status) => status === 503));
  });
});

/** A page's session: a cookie that stands for a token, at every door, until that token's end (P36). */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type LocalApp, startLocalApp } from '../support/app.ts';
import { ask } from '../support/ask.ts';
import { OWN_PAGE, signIn, signOut } from '../support/sessions.ts';
import { bearer, nowS, SECRET } from '../support/tokens.ts';
import { everyWay } from './session-forgery/rows.ts';

const grant = { publish: ['a.*'], subscribe: ['a.*', 'b.1'] };

describe('a session', { concurrency: true }, () => {
  let server: LocalApp;
  before(async () => {
    server = await startLocalApp({ AUTH: 'jwt', JWT_SECRET: SECRET, PUBLIC_HOSTS: 'rt.example' });
  });
  after(() => server[Symbol.asyncDispose]());

  /** Status and code of a change in one segment and in two. */
  async function send(fields: string, path = '/c/a.1'): Promise<string[]> {
    const [head, rest] = [`POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n${fields}`, 'Content-Length: 1\r\n\r\nx'];
    const answers = [await ask(server.port, [head + rest]), await ask(server.port, [head, rest])];
    return answers.map((answer) => `${answer.slice(9, 12)} ${/"code":"(\w+)"/.exec(answer)?.[1] ?? ''}`.trim());
  }

  const read = async (path: string, headers: Record<string, string>) => {
    const leaving = new AbortController();
    const answer = await fetch(server.url + path, { headers, signal: leaving.signal });
    const { value } = await answer.body!.getReader().read();
    leaving.abort();
    return { status: answer.status, text: Buffer.from(value ?? []).toString() };
  };

  it('is a cookie of 22 characters, for as long as the token has left', async () => {
    const exp = nowS() + 600;
    const { maxAgeS } = await signIn(server.url, grant, { exp });
    assert.ok(maxAgeS > 500 && maxAgeS <= 600, `${maxAgeS}`);
  });

  it('opens every door that its token does, and no other', async () => {
    const { headers, cookie } = await signIn(server.url, grant);
    const fields = `Cookie: theme=dark; ${cookie}\r\nSec-Fetch-Site: same-origin\r\n`;
    assert.deepEqual(await send(fields, '/c/a.1?from=alice.n1&seq=1'), ['204', '204']);
    assert.deepEqual(await send(fields, '/c/a.1?from=bob.n1&seq=1'), ['403 forbidden', '403 forbidden']);
    assert.deepEqual(await send(fields, '/c/b.1'), ['403 forbidden', '403 forbidden']);
    for (const path of ['/events', '/events?format=json', '/events?format=ndjson', '/state', '/history']) {
      assert.equal((await read(`/c/b.1${path}`, headers)).status, 200, path);
      assert.equal((await read(`/c/c.1${path}`, headers)).status, 403, path);
    }
  });

  it('is not begun with anything but a token in Authorization', async () => {
    const token = bearer(grant).slice('Bearer '.length);
    const { headers } = await signIn(server.url, grant);
    for (const [path, init] of [
      ['/session', {}],
      ['/session', { headers }],
      ['/session', { body: token, headers: OWN_PAGE }],
      ['/session', { body: new URLSearchParams({ access_token: token }), headers: OWN_PAGE }],
      [`/session?access_token=${token}&token=${token}`, { headers: OWN_PAGE }],
    ] as const) {
      const answer = await fetch(server.url + path, { method: 'POST', ...(init as RequestInit) });
      assert.equal(answer.status, 401, path);
      assert.equal(answer.headers.get('set-cookie'), null);
    }
  });

  it('is over with its token', async () => {
    const { cookie, headers } = await signIn(server.url, grant, { exp: nowS() + 2 });
    const field = `Cookie: ${cookie}\r\nSec-Fetch-Site: same-origin\r\n`;
    assert.deepEqual(await send(field), ['204', '204']);
    await new Promise((resolve) => setTimeout(resolve, 2_100));
    assert.deepEqual(await send(field), ['401 session_ended', '401 session_ended']);
    for (const path of ['/events', '/events?format=json', '/state', '/history']) {
      assert.equal((await read(`/c/a.1${path}`, headers)).status, 401, path);
    }
  });

  it('of nobody is 401, whatever is wrong with the cookie', async () => {
    const { cookie } = await signIn(server.url, grant);
    const { cookie: other } = await signIn(server.url, grant);
    for (const bad of [
      cookie.slice(0, -1),
      `${cookie}A`,
      `__Host-sc=${'A'.repeat(22)}`,
      `__Host-sc=${'A'.repeat(4_000)}`,
      '__Host-sc=',
      `${cookie}; ${other}`,
      `${cookie}; ${cookie}`,
    ]) {
      const answers = await everyWay(server.port, [`Cookie: ${bad}`, 'Sec-Fetch-Site: same-origin'], 'a.1');
      for (const [way, answer] of Object.entries(answers)) {
        const isPolite = way === 'EventSource';
        assert.match(answer, isPolite ? /^HTTP\/1\.1 200 / : /^HTTP\/1\.1 401 /, `${way}: ${bad.slice(0, 100)}`);
        assert.match(answer, isPolite ? /"status":"expired"/ : /"code":"session_ended"/, way);
      }
    }
    // What only looks like it is no credential at all.
    for (const none of [cookie.replace('__Host-', ''), cookie.replace('H', 'h'), `x${cookie}`]) {
      assert.deepEqual(await send(`Cookie: ${none}\r\n`), ['401 unauthenticated', '401 unauthenticated']);
    }
  });

  it('counts for nothing beside Authorization', async () => {
    const { cookie } = await signIn(server.url, grant);
    const field = `Cookie: ${cookie}\r\nSec-Fetch-Site: same-origin\r\n`;
    assert.deepEqual(await send(`${field}Authorization: Bearer x.y.z\r\n`), ['401 invalid_token', '401 invalid_token']);
    assert.deepEqual(await send(`${field}Authorization: ${bearer({})}\r\n`), ['403 forbidden', '403 forbidden']);
    const bad = 'Cookie: __Host-sc=AAAAAAAAAAAAAAAAAAAAAA\r\nSec-Fetch-Site: cross-site\r\n';
    assert.deepEqual(await send(`${bad}Authorization: ${bearer(grant)}\r\n`), ['204', '204']);
  });

  it('is over when it is given back', async () => {
    const session = await signIn(server.url, grant);
    const field = `Cookie: ${session.cookie}\r\nSec-Fetch-Site: same-origin\r\n`;
    assert.deepEqual(await send(field), ['204', '204']);
    const answer = await signOut(server.url, session);
    assert.equal(answer.status, 204);
    assert.match(answer.headers.get('set-cookie')!, /^__Host-sc=; .*; Max-Age=0$/);
    assert.deepEqual(await send(field), ['401 session_ended', '401 session_ended']);
    assert.equal((await signOut(server.url, session)).status, 204);
  });
});

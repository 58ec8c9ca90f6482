/**
 * What a page of another site can make its visitor's browser do with the cookie of a session: nothing, and it is told nothing (P36). Each
 * row by a change in one segment, which the shortcut answers, and in two, which Node reads, by a stream, a poll, the state and the history.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type LocalApp, startLocalApp } from '../support/app.ts';
import { ask } from '../support/ask.ts';
import { type SignedIn, signIn } from '../support/sessions.ts';
import { bearer, SECRET } from '../support/tokens.ts';
import { waitFor } from '../support/wait.ts';
import {
  APP,
  checkAnswers,
  checkOpenToAll,
  EVIL,
  everyWay,
  from,
  grant,
  lines,
  OWN,
  rows,
  site,
} from './session-forgery/rows.ts';

describe('with the cookie of a session', { concurrency: true }, () => {
  let server: LocalApp;
  let session: SignedIn;
  const env = { AUTH: 'jwt', JWT_SECRET: SECRET, PUBLIC_HOSTS: 'rt.example', HOST: '127.0.0.1' };
  before(async () => {
    server = await startLocalApp({ ...env, CORS_ORIGINS: APP });
    session = await signIn(server.url, grant);
  });
  after(() => server[Symbol.asyncDispose]());

  for (const [i, row] of rows.entries()) {
    const { what, fields, may } = row;
    it(`${may ? 'may' : 'may not'}: ${what}`, async () => {
      const channel = `row${i}`;
      const answers = await everyWay(server.port, [`Cookie: ${session.cookie}`, ...fields], channel);
      checkAnswers(row, answers);
      const asked = { authorization: bearer(grant) };
      const count = async () =>
        (
          (await (await fetch(`${server.url}/c/${channel}/history`, { headers: asked })).json()) as {
            events: unknown[];
          }
        ).events.length;
      // Both PUTs are the same change.
      if (may) await waitFor(async () => (await count()) === 3, { what: 'what was sent' });
      else assert.equal(await count(), 0);
    });
  }

  it('7 a token needs neither', async () => {
    const answers = await everyWay(
      server.port,
      [`Cookie: ${session.cookie}`, `Authorization: ${bearer(grant)}`],
      'row7b',
    );
    for (const [way, answer] of Object.entries(answers)) assert.match(answer, /^HTTP\/1\.1 20[04] /, way);
  });

  it('another cookie is no credential, and nobody’s business', async () => {
    const answers = await everyWay(server.port, ['Cookie: theme=dark', site('cross-site')], 'row-none');
    for (const [way, answer] of Object.entries(answers)) {
      assert.match(answer, way === 'EventSource' ? /"status":"unauthenticated"/ : /"code":"unauthenticated"/, way);
    }
  });

  it('15 who comes by a link of another site has no cookie', async () => {
    const fields = [site('cross-site'), 'Sec-Fetch-Mode: navigate', 'Sec-Fetch-Dest: document'];
    const request = `GET /c/a/state HTTP/1.1\r\nHost: rt.example\r\n${lines(fields)}\r\n`;
    assert.match(await ask(server.port, [request]), /^HTTP\/1\.1 401 .*"code":"unauthenticated"/s);
  });

  it('16 a preflight tells the app that it may, and evil nothing', async () => {
    const preflight = (origin: string, path: string) =>
      ask(server.port, [
        `OPTIONS ${path} HTTP/1.1\r\nHost: rt.example\r\nOrigin: ${origin}\r\nAccess-Control-Request-Method: DELETE\r\nAccess-Control-Request-Headers: authorization\r\n\r\n`,
      ]);
    for (const path of ['/session', '/c/a', '/c/a/events']) {
      const app = await preflight(APP, path);
      assert.match(app, /^HTTP\/1\.1 204 /);
      assert.match(app, /^access-control-allow-origin: https:\/\/app\.example\r$/im);
      assert.match(app, /^access-control-allow-credentials: true\r$/im);
      assert.match(app, /^access-control-allow-headers: .*\bAuthorization\b/im);
      assert.match(app, /^access-control-allow-methods: .*\bDELETE\b/im);
      assert.match(app, /^access-control-max-age: 86400\r$/im);
      assert.match(app, /^vary: Origin\r$/im);
      const evil = await preflight(EVIL, path);
      assert.match(evil, /^HTTP\/1\.1 204 /);
      assert.doesNotMatch(evil, /^access-control/im);
    }
  });

  it('18 whom every origin may ask, none but our own may ask with a cookie', async () => {
    await using open = await startLocalApp({ ...env, CORS_ORIGINS: '*' });
    const { cookie } = await signIn(open.url, grant);
    await checkOpenToAll(open.port, cookie);
  });

  it('18 nor may another begin a session there, or end one, with a token of its own', async () => {
    await using open = await startLocalApp({ ...env, CORS_ORIGINS: '*' });
    const { cookie, headers } = await signIn(open.url, grant);
    const token = `Authorization: ${bearer(grant, { sub: 'eve' })}`;
    for (const fields of [
      [site('cross-site'), from(APP)],
      [site('same-site'), from(APP)],
      [site('same-site')],
      [from(APP)],
      [from('null')],
    ]) {
      for (const method of ['POST', 'DELETE']) {
        const all = lines(['Host: rt.example', 'Content-Length: 0', token, `Cookie: ${cookie}`, ...fields]);
        const answer = await ask(open.port, [`${method} /session HTTP/1.1\r\n${all}\r\n`]);
        assert.match(answer, /^HTTP\/1\.1 403 .*"code":"forged_request"/s, `${method} ${fields}`);
        assert.doesNotMatch(answer, /^set-cookie/im);
      }
    }
    assert.equal((await fetch(`${open.url}/c/a/state`, { headers })).status, 200);
  });

  it('19, 20 a page of another site neither begins a session nor ends one', async () => {
    const asks = (method: string, fields: readonly string[], body = '') =>
      ask(server.port, [
        `${method} /session HTTP/1.1\r\nHost: rt.example\r\n${lines(fields)}Content-Length: ${body.length}\r\n\r\n${body}`,
      ]);
    const evil = [site('cross-site'), from(EVIL)];
    const token = `access_token=${bearer(grant).slice(7)}`;
    const answers = [
      await asks('POST', [...evil, 'Content-Type: application/x-www-form-urlencoded'], token),
      await asks('POST', [...evil, `Cookie: ${session.cookie}`]),
      await asks('POST', [...evil, `Authorization: ${bearer(grant)}`]),
      await asks('DELETE', [...evil, `Cookie: ${session.cookie}`]),
      await asks('DELETE', [site('cross-site'), `Cookie: ${session.cookie}`]),
      await asks('DELETE', [`Cookie: ${session.cookie}`]),
    ];
    for (const answer of answers) {
      assert.match(answer, /^HTTP\/1\.1 403 .*"code":"forged_request"/s);
      assert.doesNotMatch(answer, /^set-cookie/im);
    }
    const unsaid = await asks('POST', [site('same-origin'), from(OWN)], token);
    assert.match(unsaid, /^HTTP\/1\.1 401 /);
    assert.equal((await fetch(`${server.url}/c/a/state`, { headers: session.headers })).status, 200);
  });

  it('over plain HTTP from elsewhere there is no session, and it is said why', async () => {
    const begin = (host: string, proto: string) =>
      ask(server.port, [
        `POST /session HTTP/1.1\r\nHost: ${host}\r\n${proto}Authorization: ${bearer(grant)}\r\nContent-Length: 0\r\n\r\n`,
      ]);
    const [http, https] = ['X-Forwarded-Proto: http\r\n', 'X-Forwarded-Proto: https\r\n'];
    const refused = await begin('rt.example', http);
    assert.match(refused, /^HTTP\/1\.1 409 .*"code":"not_secure"/s);
    assert.doesNotMatch(refused, /^set-cookie/im);
    for (const [host, proto] of [
      ['rt.example', https],
      ['localhost:8080', http],
      ['rt.example', ''],
    ] as const) {
      assert.match(await begin(host, proto), /^HTTP\/1\.1 204 /, host + proto);
    }
  });
});

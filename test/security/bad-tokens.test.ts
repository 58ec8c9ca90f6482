/**
 * Tokens that are nearly right, each at four doors: a POST in one segment, which the shortcut answers, one in two, which Node reads, a
 * stream and a poll. None is let in, none is told what would have been better, and nothing of it is in the log. The same through both
 * edges: `test/edge/bad-tokens.test.ts`.
 */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { type LocalApp, startLocalApp } from '../support/app.ts';
import { ask } from '../support/ask.ts';
import { AUDIENCE, claims, granting, ISSUER, nowS, SECRET, token } from '../support/tokens.ts';
import {
  attacker,
  good,
  grant,
  invalid,
  jwks,
  type Row,
  rows,
  signedBy,
  valid,
  withClaims,
  withHeader,
} from './bad-tokens/rows.ts';
import { HOST, tryRow } from './bad-tokens/ways.ts';

describe('a token', { concurrency: 8 }, () => {
  let server: LocalApp;
  let listened = 0;
  let accepted = 0;
  /** Has the keys, and would notice who is made to ask it for others. */
  const keys = createServer((request, response) => {
    if (request.url !== '/keys') listened++;
    response.end(JSON.stringify(jwks));
  });
  const listener = () => `http://127.0.0.1:${(keys.address() as AddressInfo).port}`;

  before(async () => {
    await new Promise<void>((resolve) => keys.listen(0, '127.0.0.1', resolve));
    server = await startLocalApp({
      ...{
        AUTH: 'jwt',
        JWT_SECRET: SECRET,
        JWKS_URL: `${listener()}/keys`,
        JWT_ISSUER: ISSUER,
        JWT_AUDIENCE: AUDIENCE,
      },
      AUTH_ANONYMOUS: '{"publish":["public.*"]}',
    });
  });
  after(async () => {
    const headers = { authorization: `Bearer ${token(good)}` };
    const page = await fetch(`${server.url}/c/a.1/history?limit=500`, { headers });
    const { events } = (await page.json()) as { events: unknown[] };
    const said = JSON.stringify(server.logged);
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    await server[Symbol.asyncDispose]();
    keys.close();
    assert.equal(events.length, accepted, 'what was let in, and nothing else');
    assert.equal(listened, 0, 'nobody is asked for what a token names');
    assert.doesNotMatch(said + metrics, /eyJ|Basic|YWxpY2U6/, 'no token is in the log or the figures');
    assert.doesNotMatch(said, /"level":"(error|fatal)"/);
  });

  const tryAt = async (row: Row): Promise<void> => {
    const more = await tryRow(server.port, row);
    accepted += more;
  };

  for (const row of rows) it(`${row.what}: ${row.code ?? row.status}`, () => tryAt(row));

  it('that names keys elsewhere has nobody asked for them', async () => {
    for (const more of [{ jku: `${listener()}/jku` }, { x5u: `${listener()}/x5u` }]) {
      await tryAt(invalid('', signedBy(attacker, more)));
    }
    for (const iss of [`${listener()}/{{tenant}}`, `https://app.example@127.0.0.1`, `${ISSUER}/..`]) {
      await tryAt(invalid('', withClaims({ iss })));
      await tryAt(invalid('', withClaims({ aud: iss })));
    }
  });

  it('that was good a moment ago is no help to one with another signature', async () => {
    const [first, second, third] = token(granting(grant, { jti: 'cached' })).split('.');
    await tryAt(valid('', `${first}.${second}.${third}`));
    await tryAt(valid('', `${first}.${second}.${third}`));
    await tryAt(invalid('', `${first}.${second}.${third!.slice(0, -2)}AA`));
    // The last 22 characters, by which it is found again, are the same.
    await tryAt(invalid('', `${first}.${second}.${third!.startsWith('A') ? 'B' : 'A'}${third!.slice(1)}`));
    await tryAt(invalid('', `${first}.${second}x.${third}`));
  });

  it('that is not in the header is not there', async () => {
    const good1 = token(good);
    for (const parts of [
      [`POST /c/a.1?token=${good1} HTTP/1.1\r\n${HOST}Content-Length: 1\r\n\r\nx`],
      [`POST /c/a.1?access_token=${good1} HTTP/1.1\r\n${HOST}Content-Length: 1\r\n\r\nx`],
      [`POST /c/a.1 HTTP/1.1\r\n${HOST}Content-Length: ${good1.length + 13}\r\n\r\naccess_token=${good1}`],
      [`GET /c/a.1/events?access_token=${good1} HTTP/1.1\r\n${HOST}\r\n`],
      [
        `GET /c/a.1/state HTTP/1.1\r\n${HOST}Sec-Fetch-Site: same-origin\r\nCookie: __Host-sc=${good1}; mercureAuthorization=${good1}\r\n\r\n`,
      ],
    ]) {
      assert.match(await ask(server.port, parts), /^HTTP\/1\.1 401 /, parts[0]);
    }
  });

  it('that is bad is no anonymous one, where that one may', async () => {
    for (const segments of [1, 2] as const) {
      for (const [field, status] of [
        ['', 204],
        ['Authorization: Bearer nonsense\r\n', 401],
        ['Authorization: \r\n', 401],
        ['Authorization: Basic YTpi\r\n', 401],
        [`Authorization: Bearer ${withClaims({ exp: nowS() - 1 })}\r\n`, 401],
        [`Authorization: Bearer ${token(good)}\r\n`, 403],
      ] as const) {
        const [start, rest] = [`POST /c/public.1 HTTP/1.1\r\n${HOST}${field}`, 'Content-Length: 1\r\n\r\nx'];
        const answer = await ask(server.port, segments === 1 ? [start + rest] : [start, rest]);
        assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `), field);
      }
    }
    const claimed = [`POST /c/public.1?from=alice.n1&seq=1 HTTP/1.1\r\n${HOST}Content-Length: 1\r\n\r\nx`];
    assert.match(await ask(server.port, claimed), /^HTTP\/1\.1 401 /, 'nobody has no name');
  });
});

describe('JWT_TYP', () => {
  it('is what typ has to be', async () => {
    await using server = await startLocalApp({ AUTH: 'jwt', JWT_SECRET: SECRET, JWT_TYP: 'at+jwt' });
    for (const [typ, status] of [
      ['at+jwt', 200],
      ['JWT', 401],
      [undefined, 401],
    ] as const) {
      const answer = await fetch(`${server.url}/c/a.1/state`, {
        headers: { authorization: `Bearer ${withHeader({ typ })}` },
      });
      assert.equal(answer.status, status, typ);
    }
  });
});

describe('GRANT_CLAIM', () => {
  it('takes the tokens of Mercure 0.x, and those of identity providers that want a name space', async () => {
    for (const GRANT_CLAIM of ['mercure', 'https://app.example/smallchange']) {
      await using server = await startLocalApp({ AUTH: 'jwt', JWT_SECRET: SECRET, GRANT_CLAIM });
      const mercure = { publish: ['a.1'], subscribe: ['a.1', 'b.*'], payload: { user: 'x' } };
      for (const [payload, status] of [
        [claims({ [GRANT_CLAIM]: mercure }), 200],
        [claims({ [GRANT_CLAIM]: { subscribe: ['https://example.com/{id}'] } }), 401],
        [claims({ smallchange: grant }), 403],
      ] as const) {
        const answer = await fetch(`${server.url}/c/a.1/state`, {
          headers: { authorization: `Bearer ${token(payload)}` },
        });
        assert.equal(answer.status, status, JSON.stringify(payload));
      }
    }
  });
});

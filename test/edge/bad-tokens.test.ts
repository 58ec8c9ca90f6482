/** Tokens that are nearly right, through both edges: each is answered as the server itself answers it, and an EventSource is told so. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import {
  attacker,
  grant,
  invalid,
  jwks,
  type Row,
  rows,
  signedBy,
  valid,
  withClaims,
} from '../security/bad-tokens/rows.ts';
import { fieldsOf, HOST, tryRow } from '../security/bad-tokens/ways.ts';
import { type LocalApp, startLocalApp } from '../support/app.ts';
import { ask } from '../support/ask.ts';
import { type EdgeProcess, edges, startEdge } from '../support/edge.ts';
import { posting, reading } from '../support/limits.ts';
import { AUDIENCE, bearer, granting, ISSUER, SECRET, token } from '../support/tokens.ts';
import { waitFor } from '../support/wait.ts';

let server: LocalApp;
let accepted = 0;
let listened = 0;
/** Has the keys, and would notice who is made to ask it for others. */
const keys = createServer((request, response) => {
  if (request.url !== '/keys') listened++;
  response.end(JSON.stringify(jwks));
});
const listener = () => `http://127.0.0.1:${(keys.address() as AddressInfo).port}`;
before(async () => {
  await new Promise<void>((resolve) => keys.listen(0, '127.0.0.1', resolve));
  server = await startLocalApp({
    ...{ AUTH: 'jwt', JWT_SECRET: SECRET, JWT_ISSUER: ISSUER, JWT_AUDIENCE: AUDIENCE },
    JWKS_URL: `${listener()}/keys`,
    // All come from this machine, which is not counted unless an edge says otherwise.
    MAX_FAILED_CREDENTIALS_PER_MIN: '0',
  });
});
after(async () => {
  const headers = { authorization: bearer({ subscribe: ['a.1'] }) };
  let found = 0;
  await waitFor(
    async () => {
      const page = await fetch(`${server.url}/c/a.1/history?limit=500`, { headers });
      found = ((await page.json()) as { events: unknown[] }).events.length;
      return found >= accepted;
    },
    { what: () => `${accepted} changes, of which ${found} are there` },
  );
  const said = JSON.stringify(server.logged);
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  await server[Symbol.asyncDispose]();
  keys.close();
  assert.equal(listened, 0, 'nobody is asked for what a token names');
  assert.equal(found, accepted, 'what was let in, and nothing else');
  assert.doesNotMatch(said + metrics, /eyJ|Basic|YWxpY2U6/);
});

const frames = { 401: /"status":"(invalid|expired|unauthenticated)"/, 403: /"status":"forbidden"/ };

async function tryEventSource(port: number, row: Row): Promise<void> {
  const fields = `${HOST}Accept: text/event-stream\r\n${fieldsOf(row)}Connection: close\r\n`;
  const answer = await ask(port, [`GET /c/a.1/events HTTP/1.1\r\n${fields}\r\n`], { until: /event: .*\n\n/s });
  const status = row.status ?? 401;
  // What is no HTTP is refused as such, by an edge in its own words.
  if (status === 400 || status === 431) return assert.match(answer, /^HTTP\/1\.1 4(00|31|94) |^$/);
  assert.match(answer, /^HTTP\/1\.1 200 /);
  if (status === 204) return assert.match(answer, /^event: \$sync$/m);
  assert.match(answer, /^retry: \d+\nevent: \$auth$/m);
  assert.match(answer, frames[status as keyof typeof frames]);
}

for (const edge of edges) {
  describe(`a token behind ${edge}`, { concurrency: 16 }, () => {
    let proxy: EdgeProcess;
    before(async () => {
      proxy = await startEdge(edge, { buckets: [server], gateways: [server] });
    });
    after(async () => {
      const said = proxy.log();
      await proxy.stop();
      assert.doesNotMatch(said, /eyJ|Basic|YWxpY2U6/, 'no token is in its log');
    });
    const port = () => Number(new URL(proxy.plainUrl).port);
    async function tryAt(row: Row): Promise<void> {
      const more = await tryRow(port(), row, true);
      accepted += more;
      await tryEventSource(port(), row);
    }
    for (const row of rows) it(`${row.what}: ${row.code ?? row.status}`, () => tryAt(row));

    it('that names keys elsewhere has nobody asked for them', async () => {
      for (const more of [{ jku: `${listener()}/jku` }, { x5u: `${listener()}/x5u` }]) {
        await tryAt(invalid('', signedBy(attacker, more)));
      }
      for (const elsewhere of [`${listener()}/{{tenant}}`, 'https://app.example@127.0.0.1', `${ISSUER}/..`]) {
        await tryAt(invalid('', withClaims({ iss: elsewhere })));
        await tryAt(invalid('', withClaims({ aud: elsewhere })));
      }
    });

    it('that was good a moment ago is no help to another, nor is one that is not in the header', async () => {
      const one = token(granting(grant, { jti: `known to ${edge}` }));
      const [first, second, third] = one.split('.');
      await tryAt(valid('', one));
      await tryAt(invalid('', `${first}.${second}.${third!.slice(0, -2)}AA`));
      await tryAt(invalid('', `${first}.${second}.${third!.startsWith('A') ? 'B' : 'A'}${third!.slice(1)}`));
      const cookie = `Cookie: __Host-sc=${one}\r\nSec-Fetch-Site: same-origin\r\n`;
      for (const [query, fields] of [
        [`?access_token=${one}`, ''],
        ['', cookie],
      ] as const) {
        for (const parts of [
          posting(1, `/c/a.1${query}`, fields),
          posting(2, `/c/a.1${query}`, fields),
          reading(`/c/a.1/events${query}`, fields),
          reading(`/c/a.1/events?format=json${query.replace('?', '&')}`, fields),
        ]) {
          assert.match(await ask(port(), parts), /^HTTP\/1\.1 401 /);
        }
      }
    });
  });
}

/** Tokens that are nearly right, through both edges: each is answered as the server itself answers it, and an EventSource is told so. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { jwks, type Row, rows } from '../security/bad-tokens/rows.ts';
import { fieldsOf, HOST, tryRow } from '../security/bad-tokens/ways.ts';
import { type LocalApp, startLocalApp } from '../support/app.ts';
import { ask } from '../support/ask.ts';
import { type EdgeProcess, edges, startEdge } from '../support/edge.ts';
import { AUDIENCE, bearer, ISSUER, SECRET } from '../support/tokens.ts';
import { waitFor } from '../support/wait.ts';

let server: LocalApp;
let accepted = 0;
const keys = createServer((_request, response) => void response.end(JSON.stringify(jwks)));
before(async () => {
  await new Promise<void>((resolve) => keys.listen(0, '127.0.0.1', resolve));
  server = await startLocalApp({
    ...{ AUTH: 'jwt', JWT_SECRET: SECRET, JWT_ISSUER: ISSUER, JWT_AUDIENCE: AUDIENCE },
    JWKS_URL: `http://127.0.0.1:${(keys.address() as AddressInfo).port}/keys`,
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
  assert.equal(found, accepted, 'what was let in, and nothing else');
  assert.doesNotMatch(said + metrics, /eyJ|Basic|YWxpY2U6/);
});

const frames = { 400: undefined, 401: /"status":"(invalid|expired|unauthenticated)"/, 403: /"status":"forbidden"/ };

async function tryEventSource(port: number, row: Row): Promise<void> {
  const expected = frames[(row.status ?? 401) as keyof typeof frames];
  if (expected === undefined) return;
  const fields = `${HOST}Accept: text/event-stream\r\n${fieldsOf(row)}Connection: close\r\n`;
  const answer = await ask(port, [`GET /c/a.1/events HTTP/1.1\r\n${fields}\r\n`], { until: /event: .*\n\n/s });
  assert.match(answer, /^HTTP\/1\.1 200 /);
  assert.match(answer, /^retry: \d+\nevent: \$auth$/m);
  assert.match(answer, expected);
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
    for (const row of rows) {
      it(`${row.what}: ${row.code ?? row.status}`, async () => {
        const port = Number(new URL(proxy.plainUrl).port);
        const more = await tryRow(port, row, true);
        accepted += more;
        await tryEventSource(port, row);
      });
    }
  });
}

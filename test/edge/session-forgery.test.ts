/** What a page of another site can make its visitor's browser do with the cookie of a session, through both edges: as little (P36). */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { APP, checkAnswers, everyWay, grant, rows } from '../security/session-forgery/rows.ts';
import { type LocalApp, startLocalApp } from '../support/app.ts';
import { type EdgeProcess, edges, startEdge } from '../support/edge.ts';
import { type SignedIn, signIn } from '../support/sessions.ts';
import { bearer, SECRET } from '../support/tokens.ts';
import { waitFor } from '../support/wait.ts';

let server: LocalApp;
let session: SignedIn;
before(async () => {
  const env = { AUTH: 'jwt', JWT_SECRET: SECRET, PUBLIC_HOSTS: 'rt.example', CORS_ORIGINS: APP };
  server = await startLocalApp(env);
  session = await signIn(server.url, grant);
});
after(() => server?.[Symbol.asyncDispose]());

async function countOf(channel: string): Promise<number> {
  const answer = await fetch(`${server.url}/c/${channel}/history`, { headers: { authorization: bearer(grant) } });
  return ((await answer.json()) as { events: unknown[] }).events.length;
}

for (const edge of edges) {
  describe(`with the cookie of a session behind ${edge}`, { concurrency: 16 }, () => {
    let proxy: EdgeProcess;
    before(async () => {
      proxy = await startEdge(edge, { buckets: [server], gateways: [server] });
    });
    after(async () => {
      const said = proxy.log();
      await proxy.stop();
      assert.ok(!said.includes(session.cookie.slice(-22)), 'its id is not in the log');
    });

    for (const [i, row] of rows.entries()) {
      it(`${row.may ? 'may' : 'may not'}: ${row.what}`, async () => {
        const channel = `${edge}${i}`;
        const port = Number(new URL(proxy.plainUrl).port);
        checkAnswers(row, await everyWay(port, [`Cookie: ${session.cookie}`, ...row.fields], channel));
        // Both PUTs are the same change.
        if (row.may) await waitFor(async () => (await countOf(channel)) === 3, { what: 'what was sent' });
        else assert.equal(await countOf(channel), 0);
      });
    }
  });
}

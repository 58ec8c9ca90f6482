/** What a page of another site can make its visitor's browser do with the cookie of a session, through both edges: as little (P36). */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
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
} from '../security/session-forgery/rows.ts';
import { type LocalApp, startLocalApp } from '../support/app.ts';
import { ask } from '../support/ask.ts';
import { type EdgeProcess, edges, startEdge } from '../support/edge.ts';
import { posting, reading } from '../support/limits.ts';
import { type SignedIn, signIn } from '../support/sessions.ts';
import { bearer, SECRET } from '../support/tokens.ts';
import { waitFor } from '../support/wait.ts';

let server: LocalApp;
let session: SignedIn;
/** Whom every origin may ask. */
let open: LocalApp;
before(async () => {
  const env = { AUTH: 'jwt', JWT_SECRET: SECRET, PUBLIC_HOSTS: 'rt.example' };
  server = await startLocalApp({
    ...{ ...env, CORS_ORIGINS: APP },
    AUTH_ANONYMOUS: '{"publish":["public.*"],"subscribe":["public.*"]}',
  });
  open = await startLocalApp({ ...env, CORS_ORIGINS: '*' });
  session = await signIn(server.url, grant);
});
after(async () => {
  await server?.[Symbol.asyncDispose]();
  await open?.[Symbol.asyncDispose]();
});

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

    const port = () => Number(new URL(proxy.plainUrl).port);

    it('15 who comes by a link of another site has no cookie', async () => {
      const fields = [site('cross-site'), 'Sec-Fetch-Mode: navigate', 'Sec-Fetch-Dest: document'];
      for (const [way, answer] of Object.entries(await everyWay(port(), fields, 'by-a-link'))) {
        if (way === 'EventSource') assert.match(answer, /"status":"unauthenticated"/);
        else assert.match(answer, /^HTTP\/1\.1 401 .*"code":"unauthenticated"/s, way);
      }
    });

    it('19, 20 a page of another site neither begins a session nor ends one', async () => {
      const evil = [site('cross-site'), from(EVIL)];
      const body = `access_token=${bearer(grant).slice(7)}`;
      for (const [method, fields, form, status] of [
        ['POST', [...evil, 'Content-Type: application/x-www-form-urlencoded'], body, 403],
        ['POST', [...evil, `Cookie: ${session.cookie}`], '', 403],
        ['POST', [...evil, `Authorization: ${bearer(grant)}`], '', 403],
        ['DELETE', [...evil, `Cookie: ${session.cookie}`], '', 403],
        ['DELETE', [`Cookie: ${session.cookie}`], '', 403],
        // Before anything else it is told that this is no TLS.
        ['POST', [site('same-origin'), from(OWN)], body, 409],
      ] as const) {
        const head = `${method} /session HTTP/1.1\r\nHost: rt.example\r\n${lines(fields)}`;
        const rest = `Content-Length: ${form.length}\r\n\r\n${form}`;
        for (const parts of [[head + rest], [head, rest]]) {
          const answer = await ask(port(), parts);
          assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `), `${method} ${fields}: ${answer}`);
          assert.doesNotMatch(answer, /^set-cookie/im);
        }
      }
      assert.equal((await fetch(`${server.url}/c/a/state`, { headers: session.headers })).status, 200);
    });

    for (const host of ['evil.example:8080', 'localhost.evil', '127.0.0.1.nip.io']) {
      it(`22 a server on loopback answers no Host ${host}`, async () => {
        const token = `Authorization: ${bearer(grant)}\r\n`;
        for (const parts of [
          posting(1, '/c/no-host', token),
          posting(2, '/c/no-host', token),
          reading('/c/no-host/events', token),
          reading('/c/no-host/events?format=json', token),
          reading('/c/no-host/events', `${token}Accept: text/event-stream\r\n`),
        ]) {
          const answer = await ask(port(), [parts[0]!.replace('127.0.0.1', host), ...parts.slice(1)]);
          assert.match(answer, /^HTTP\/1\.1 403 .*"code":"forged_request"/s);
        }
        assert.equal(await countOf('no-host'), 0);
      });
    }

    for (const [i, [origin, sent]] of (
      [
        [EVIL, 403],
        ['null', 403],
        [APP, 204],
      ] as const
    ).entries()) {
      it(`23 where anybody may send, a page of ${origin} is answered ${sent}, and reads`, async () => {
        const channel = `public.${edge}${i}`;
        for (const [way, answer] of Object.entries(await everyWay(port(), [from(origin)], channel))) {
          // Nobody has no name, which a PUT takes.
          const expected = !way.startsWith('P') ? 200 : way.startsWith('PUT') && sent === 204 ? 401 : sent;
          assert.match(answer, new RegExp(`^HTTP/1\\.1 ${expected} `), `${way}: ${answer}`);
          if (sent === 403) assert.doesNotMatch(answer, /^access-control-allow-origin/im);
        }
        if (sent === 403) assert.equal(await countOf(channel), 0);
      });
    }

    it('18 whom every origin may ask, none but our own may ask with a cookie', async () => {
      await using toOpen = await startEdge(edge, { buckets: [open], gateways: [open], corsOrigins: '*' });
      const { cookie } = await signIn(open.url, grant);
      await checkOpenToAll(Number(new URL(toOpen.plainUrl).port), cookie);
    });
  });
}

/**
 * Rows of limits that a client can meet, through both edges: counted by whom the edge knows, whichever way a change comes in (P38). One
 * server for both edges; each row has addresses and a `sub` of its own. More of them: `test/security/limits-edge.test.ts`.
 */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { type LocalApp, startLocalApp } from '../support/app.ts';
import { ask } from '../support/ask.ts';
import { type Edge, type EdgeProcess, edges, startEdge } from '../support/edge.ts';
import { assertTooMany, from, posting, reading } from '../support/limits.ts';
import { openSse } from '../support/sse.ts';
import { AUDIENCE, bearer, granting, pair, SECRET, token } from '../support/tokens.ts';
import { waitFor } from '../support/wait.ts';

const PER_ADDRESS = 2;
const SESSIONS = 3;
const granted = { publish: ['*'], subscribe: ['*'] };
const anonymous = { publish: ['public.*'], subscribe: ['public.*'] };
const segments = [1, 2] as const;
const EVENT_SOURCE = 'Accept: text/event-stream\r\n';
const HOST = 'Host: 127.0.0.1\r\n';

const of = (sub: string, more = {}) => `Authorization: ${bearer(granted, { sub, ...more })}\r\n`;
const unknown = pair('ES256', 'slow');

let server: LocalApp;
/** Takes whoever asks for keys, and answers nobody. */
const provider = createServer();
let asked = 0;
provider.on('request', () => {
  asked++;
});
before(async () => {
  await new Promise<void>((resolve) => provider.listen(0, '127.0.0.1', resolve));
  server = await startLocalApp({
    ...{ AUTH: 'jwt', JWT_SECRET: SECRET, JWT_AUDIENCE: AUDIENCE, AUTH_ANONYMOUS: JSON.stringify(anonymous) },
    ...{ TRUST_PROXY: '127.0.0.1', MAX_POSTS_PER_S_PER_ADDRESS: '1', MAX_STREAMS_PER_ADDRESS: String(PER_ADDRESS) },
    ...{ MAX_SESSIONS_PER_MIN_PER_SUB: String(SESSIONS), MAX_SESSIONS_PER_MIN_PER_ADDRESS: String(SESSIONS + 1) },
    JWKS_URL: `http://127.0.0.1:${(provider.address() as AddressInfo).port}/keys`,
  });
});
after(async () => {
  await server?.[Symbol.asyncDispose]();
  provider.closeAllConnections();
  provider.close();
  assert.doesNotMatch(JSON.stringify(server.logged), /eyJ|"level":"(error|fatal)"/);
});

function tests(edge: Edge): void {
  let proxy: EdgeProcess;
  before(async () => {
    proxy = await startEdge(edge, { buckets: [server], gateways: [server], trustedProxies: '127.0.0.1' });
  });
  after(async () => {
    const said = proxy.log();
    await proxy.stop();
    assert.doesNotMatch(said, /eyJ/, 'no token is in its log');
  });
  const tell = (parts: readonly string[]) => ask(Number(new URL(proxy.plainUrl).port), parts);
  /** Of this edge, so that the other one has spent nothing of it. */
  const network = 10 + edges.indexOf(edge);
  const address = (n: number) => `198.51.${network}.${n}`;

  /** Asks until it is refused for having asked too much. */
  const refused = (parts: (n: number) => readonly string[]) => {
    let n = 0;
    return waitFor(
      async () => {
        const answer = await tell(parts(n++));
        return / 429 /.test(answer) ? answer : '';
      },
      { what: 'a 429' },
    );
  };

  for (const count of segments) {
    for (const [what, addressOf, other] of [
      ['of one /64', (n: number) => `2001:db8:${network}:${count}:${n + 1}::1`, 40],
      ['written in two ways', (n: number) => (n % 4 < 2 ? address(20 + count) : `::ffff:${address(20 + count)}`), 42],
    ] as const) {
      it(`L3, L7 POSTs in ${count} first, in one and in two, from addresses ${what} are one bucket`, async () => {
        assertTooMany(
          await refused((n) => posting(((n + count) % 2 === 0 ? 2 : 1) as 1 | 2, '/c/public.a', from(addressOf(n)))),
        );
        assert.match(await tell(posting(count, '/c/public.a', from(address(other + count)))), / 204 /);
      });
    }

    it(`L4 a POST in ${count} is of the last address that is no proxy, whatever the client says`, async () => {
      // In one field and in two, which are one list.
      for (const said of [
        (n: number) => from(`6.6.6.${n}`, address(50 + count)),
        (n: number) => from(`7.7.7.${n}`) + from(address(50 + count)),
      ]) {
        assertTooMany(await refused((n) => posting(count, '/c/public.a', said(n))));
      }
      assert.match(await tell(posting(count, '/c/public.a', from(address(50 + count), address(60 + count)))), / 204 /);
    });

    it(`L6 a POST in ${count} that was refused is accepted a little later, once`, async () => {
      const mine = of(`later-${edge}-${count}`) + from(address(70 + count));
      await refused(() => posting(count, '/c/public.a', mine));
      const path = `/c/once-${edge}-${count}`;
      const parts = posting(count, `${path}?from=later-${edge}-${count}.n1&seq=1`, mine);
      await waitFor(async () => / 204 /.test(await tell(parts)), { what: 'it to be accepted', everyMs: 50 });
      const history = () => tell(reading(`${path}/history`, mine));
      await waitFor(async () => (await history()).includes('"seq":1'), { what: 'it in the history' });
      assert.equal((await history()).split('"seq":').length, 2);
    });

    it(`L15 sessions and tickets asked for in ${count} are so many, of a sub and of an address`, async () => {
      const asking = (path: string, fields: string) => {
        const [head, rest] = [`POST ${path} HTTP/1.1\r\n${HOST}${fields}`, 'Content-Length: 0\r\n\r\n'];
        return tell(count === 1 ? [head + rest] : [head, rest]);
      };
      const mine = of(`many-${edge}-${count}`);
      const paths = ['/session', '/tickets?channels=a'];
      for (let i = 0; i < SESSIONS; i++) {
        assert.match(await asking(paths[i % 2]!, mine + from(address(100 + 10 * count + i))), / 20[14] /);
      }
      for (const path of paths) {
        assertTooMany(await asking(path, mine + from(address(109 + 10 * count))), 'too_many_sessions');
      }
      const [there, who] = [from(address(130 + count)), (i: number) => of(`each-${edge}-${count}-${i}`)];
      for (let i = 0; i <= SESSIONS; i++) assert.match(await asking('/session', who(i) + there), / 204 /);
      assertTooMany(await asking('/session', who(9) + there), 'too_many_sessions');
    });

    it(`L16 4 KiB of token and 4 KiB of cookies are read in ${count}; of too much neither is`, async () => {
      const fields = from(address(140 + count)) + of(`long-${count}`, { pad: 'x'.repeat(2_700) });
      const cookies = (bytes: number) => `Cookie: a=${'c'.repeat(bytes)}\r\n`;
      assert.match(await tell(posting(count, '/c/long', fields + cookies(4_096))), / 204 /);
      // Which of the edge and the server says so is the edge's affair.
      const answer = await tell(posting(count, '/c/long', fields + cookies(40_000)));
      assert.match(answer, /^HTTP\/1\.1 4(00|31|94) /);
    });
  }

  it('L3, L9 streams and polls of one /64 are those of one address; an EventSource is told so', async () => {
    const at = (n: number) => `2001:db8:${network}:9:${n + 1}::1`;
    const headers = (n: number) => ({ authorization: bearer(granted, { sub: `n${n}` }), 'x-forwarded-for': at(n) });
    const url = `${proxy.plainUrl}/c/a/events`;
    const held = await Promise.all(
      Array.from({ length: PER_ADDRESS }, (_, n) => openSse(url, { headers: headers(n) })),
    );
    for (const each of held) assert.equal((await each.next()).event, '$sync');
    const mine = of('n9') + from(at(9));
    for (const path of ['/c/a/events', '/c/a/events?format=json&wait=5']) {
      assertTooMany(await tell(reading(path, mine)), 'too_many_streams');
    }
    const told = await tell(reading('/c/a/events', mine + EVENT_SOURCE));
    assert.match(told, /^HTTP\/1\.1 200 .*event: \$overloaded\ndata: \{"reason":"streams"\}\n\n/s);
    // Nobody's streams are in the way of what he sends.
    for (const count of segments) {
      await waitFor(async () => / 204 /.test(await tell(posting(count, '/c/a', mine))), { what: 'it to be accepted' });
    }
    for (const each of held) each.close();
  });

  it('L10 a stream, a poll and an EventSource are of at most 16 channels', async () => {
    const path = `/c/${Array.from({ length: 17 }, (_, i) => `c${i}`).join()}/events`;
    for (const [query, fields] of [
      ['', ''],
      ['?format=json', ''],
      ['', EVENT_SOURCE],
    ] as const) {
      const answer = await tell(reading(path + query, of('many') + fields));
      assert.match(answer, /^HTTP\/1\.1 400 .*"code":"too_many_channels"/s);
    }
  });

  it('L18 while the keys do not come, who is known waits for nobody, and the others are told 503', async () => {
    const known = of('known');
    const late = () => `Authorization: Bearer ${token(granting(granted, { jti: `${Math.random()}` }), unknown)}\r\n`;
    const ways = (fields: string) => [
      posting(1, '/c/b', fields),
      posting(2, '/c/b', fields),
      reading('/c/b/events', fields),
      reading('/c/b/events?format=json', fields),
    ];
    const [refusals, fine] = await Promise.all([
      Promise.all(Array.from({ length: 4 }, () => ways(late()).map(tell)).flat()),
      Promise.all(ways(known).map(tell)),
    ]);
    for (const answer of refusals) assert.match(answer, /^HTTP\/1\.1 503 .*"code":"auth_unavailable"/s);
    for (const answer of fine) assert.match(answer, /^HTTP\/1\.1 20[04] /);
    const polite = await tell(reading('/c/b/events', late() + EVENT_SOURCE));
    assert.match(polite, /^HTTP\/1\.1 200 .*"status":"unavailable"/s);
    assert.ok(asked <= 3, `${asked} times`);
  });
}

for (const edge of edges) describe(`limits behind ${edge}`, { concurrency: 8 }, () => tests(edge));

/**
 * What somebody tries who wants in, through both edges: over HTTP/1.1, where a proxy may read a header in another way than we, and over HTTP/2,
 * where cookies come in crumbs and the host has two names. And many who share one connection: each is answered as who it is.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { type ClientHttp2Session, connect } from 'node:http2';
import { after, before, describe, it } from 'node:test';
import { type LocalApp, startLocalApp } from '../support/app.ts';
import { type Edge, type EdgeProcess, edges, startEdge } from '../support/edge.ts';
import { request } from '../support/http.ts';
import { type SignedIn, signIn } from '../support/sessions.ts';
import { bearer, SECRET } from '../support/tokens.ts';
import { waitFor } from '../support/wait.ts';
import { oneConnection } from '../support/wire.ts';
import { exchange } from './exchange.ts';

const ASKERS = 100;
const SAID = 'secret of b';
const good = bearer({ publish: ['a.1'], subscribe: ['a.1'] });
const root = bearer({ publish: ['*'], subscribe: ['*'] }, { sub: 'root' });
const own = 'Sec-Fetch-Site: same-origin\r\n';

type Fields = Record<string, string | string[]>;

function tests(edge: Edge): void {
  let server: LocalApp;
  let proxy: EdgeProcess;
  let session: SignedIn;
  let ticket: string;
  let h2: ClientHttp2Session;
  let accepted = 0;
  before(async () => {
    const env = { AUTH: 'jwt', JWT_SECRET: SECRET, TRUST_PROXY: '127.0.0.1', MAX_FAILED_CREDENTIALS_PER_MIN: '0' };
    server = await startLocalApp(env);
    proxy = await startEdge(edge, { buckets: [server], gateways: [server] });
    h2 = connect(proxy.tlsUrl, { ca: readFileSync(proxy.certificate) });
    session = await signIn(server.url, { publish: ['a.1'], subscribe: ['a.1'] });
    const issued = await fetch(`${server.url}/tickets?channels=a.1`, { method: 'POST', headers: session.headers });
    ticket = ((await issued.json()) as { ticket: string }).ticket;
    await fetch(`${server.url}/c/b.1`, { method: 'POST', body: SAID, headers: { authorization: root } });
    await waitFor(async () => (await countOf('b.1')) === 1, { what: 'what is secret' });
  });
  after(async () => {
    h2?.destroy();
    await waitFor(async () => (await countOf('a.1')) >= accepted, { what: `${accepted} changes` });
    const counts = [await countOf('a.1'), await countOf('b.1')];
    const said = JSON.stringify(server.logged) + proxy.log();
    await proxy.stop();
    await server[Symbol.asyncDispose]();
    assert.deepEqual(counts, [accepted, 1], 'what was granted is there, and nothing else');
    for (const secret of ['eyJ', ticket, session.cookie.slice(-22)]) assert.ok(!said.includes(secret), secret);
  });

  async function countOf(channel: string): Promise<number> {
    const answer = await fetch(`${server.url}/c/${channel}/history?limit=500`, { headers: { authorization: root } });
    return ((await answer.json()) as { events: unknown[] }).events.length;
  }

  /** @param until What a stream has told when it is left. */
  function overH2(
    path: string,
    fields: Fields,
    body?: string,
    until = /\$sync/,
  ): Promise<{ status: string; text: string }> {
    const sent = { ':path': path, ':method': body === undefined ? 'GET' : 'POST', ...fields };
    const stream = h2.request(sent, { endStream: body === undefined });
    return new Promise((resolve, reject) => {
      let [status, text] = ['reset', ''];
      stream.on('response', (head) => {
        status = String(head[':status']);
      });
      stream.on('data', (chunk: Buffer) => {
        text += chunk;
        if (until.test(text)) stream.close();
      });
      // One that is refused as a whole has no answer.
      stream.on('error', () => resolve({ status, text }));
      stream.once('close', () => resolve({ status, text }));
      stream.setTimeout(20_000, () => reject(new Error(`no answer to ${path}`)));
      if (body !== undefined) stream.end(body);
    });
  }

  for (const [what, fields, status] of [
    ['nobody', {}, /^401/],
    ['a token', { authorization: good }, /^20[04]/],
    ['a cookie in crumbs', { cookie: ['x=1', '', 'SESSION', 'y=2'], 'sec-fetch-site': 'same-origin' }, /^20[04]/],
    ['a cookie twice, in crumbs', { cookie: ['SESSION', 'SESSION'], 'sec-fetch-site': 'same-origin' }, /^401/],
    ['a cookie across crumbs', { cookie: ['__Host-sc=', 'HALF'], 'sec-fetch-site': 'same-origin' }, /^401/],
    ['a cookie of another site', { cookie: 'SESSION', 'sec-fetch-site': 'cross-site' }, /^403/],
    ['a cookie without a site', { cookie: 'SESSION' }, /^403/],
    ['a bad token beside a cookie', { authorization: 'Bearer x', cookie: 'SESSION', 'sec-fetch-site': 'none' }, /^401/],
    ['an empty token beside a cookie', { authorization: '', cookie: 'SESSION', 'sec-fetch-site': 'none' }, /^401/],
    ['another host', { authorization: good, ':authority': 'evil.example' }, /^(403|4\d\d|reset)/],
    ['another host by its old name', { authorization: good, host: 'evil.example' }, /^(20[04]|4\d\d|reset)/],
    [
      'ours by its old name',
      { authorization: good, ':authority': 'evil.example', host: 'localhost' },
      /^(4\d\d|reset)/,
    ],
    ['what a proxy says', { 'x-forwarded-for': '127.0.0.1', 'x-real-ip': '127.0.0.1', 'x-auth': '200' }, /^401/],
    ['what an edge says', { 'x-event-source': '1', 'x-forwarded-authorization': good }, /^(401|200)/],
  ] as const satisfies readonly (readonly [string, Fields, RegExp])[]) {
    it(`HTTP/2 with ${what}`, async () => {
      const made = Object.fromEntries(
        Object.entries(fields as Fields).map(([name, value]) => [
          name,
          [value]
            .flat()
            .map((each) => each.replace('SESSION', session.cookie).replace('HALF', session.cookie.slice(-22))),
        ]),
      );
      const sent = Object.fromEntries(
        Object.entries(made).map(([name, values]) => [name, values.length === 1 ? values[0]! : values]),
      );
      for (const [path, body] of [
        ['/c/a.1', 'x'],
        ['/c/b.1', 'x'],
        ['/c/a.1/events', undefined],
        ['/c/b.1/events', undefined],
        ['/c/a.1/events?format=json', undefined],
        ['/c/b.1/state', undefined],
      ] as const) {
        const answer = await overH2(path, sent, body);
        assert.doesNotMatch(answer.text, new RegExp(SAID));
        if (answer.status === '204') accepted++;
        if (answer.text.includes('$sync') || answer.status === '204') assert.ok(path.startsWith('/c/a.1'), path);
        const isMine = path.startsWith('/c/a.1');
        const expected = !isMine && status.test('204') ? /^(403|4\d\d|reset)/ : status;
        assert.match(answer.status, expected, `${path}: ${answer.text}`);
        if (status.test('401')) assert.doesNotMatch(answer.text, /\$sync|"events"/);
      }
    });
  }

  it('HTTP/2 with a path in another form is the path that is served', async () => {
    const authorization = good;
    for (const [path, status] of [
      ['/c/%62.1/state', /^403/],
      ['/c/b%2e1/state', /^403/],
      ['/c/a.1/../b.1/state', /^40[034]/],
      ['/c/a.1/%2e%2e/b.1/state', /^40[034]/],
      ['/c/a.1%2f..%2fb.1/state', /^40[034]/],
      ['//c/b.1/state', /^40[034]/],
      ['/c//b.1/state', /^40[034]/],
      ['/c/b.1/state#/c/a.1/state', /^(40[034]|reset)/],
      ['http://localhost/c/b.1/state', /^(40[034]|reset)/],
      ['/c/a.1,b.1/events', /^403/],
      ['/metrics', /^404/],
      ['/%6detrics', /^404/],
      ['/load', /^404/],
      ['/admin/revoke', /^404/],
    ] as const) {
      const { status: answered, text } = await overH2(path, { authorization });
      assert.match(answered, status, `${path}: ${text}`);
      assert.doesNotMatch(text, new RegExp(SAID));
    }
  });

  it('HTTP/1.1 with a header that two may read differently lets nobody in', async () => {
    const post = (fields: string, path = '/c/a.1') =>
      `POST ${path} HTTP/1.1\r\nHost: localhost\r\n${fields}Connection: close\r\nContent-Length: 1\r\n\r\nx`;
    const token = `Authorization: ${good}\r\n`;
    const cookie = `Cookie: ${session.cookie}\r\n`;
    for (const [what, bytes] of [
      ['two tokens', post(`${token}${token}`)],
      ['a bad one before it', post(`Authorization: Bearer x\r\n${token}`)],
      ['a bad one behind it', post(`${token}Authorization: Bearer x\r\n`)],
      ['an empty one before it', post(`Authorization:\r\n${token}`)],
      ['a blank before the colon', post(token.replace(':', ' :'))],
      ['an underscore', post(token.replace('Authorization', 'Author_ization'))],
      ['for a proxy', post(token.replace('Authorization', 'Proxy-Authorization'))],
      ['a no-break blank', post(token.replace('Bearer ', 'Bearer \xa0'))],
      ['a cookie and a bad token', post(`${cookie}${own}Authorization: Bearer x\r\n`)],
      ['two cookies', post(`${cookie}${cookie}${own}`)],
      ['a cookie that a sibling planted', post(`Cookie: \xa0${session.cookie}\r\n${own}`)],
      ['a cookie and two sites', post(`${cookie}${own}Sec-Fetch-Site: cross-site\r\n`)],
      ['a cookie, and its site only for the next hop', post(`${cookie}Origin: https://evil.example\r\n`)],
      ['the ticket', post('', `/c/a.1?ticket=${ticket}`)],
      ['the token in the query', post('', `/c/a.1?access_token=${good.slice(7)}`)],
      ['a name of somebody else', post(token, '/c/a.1?from=bob.n1&seq=1')],
      ['a name of somebody else in the header', post(`${token}Change-From: bob.n1\r\nChange-Seq: 1\r\n`)],
      ['two names', post(`${token}Change-From: alice.n1\r\nChange-From: bob.n1\r\n`)],
      ['a channel that is not granted', post(token, '/c/b.1')],
      ['the same, escaped', post(token, '/c/%62.1')],
      ['another host', post(token).replace('localhost', 'evil.example')],
    ] as const) {
      const { statuses, text } = await exchange(proxy.plainUrl, bytes);
      assert.ok(statuses.length <= 1 && /^(4\d\d)?$/.test(statuses[0] ?? ''), `${what}: ${text}`);
    }
    const whole = await exchange(proxy.plainUrl, post(token, 'http://evil.example/c/a.1'));
    // nginx goes by the Host that is beside it. No browser sends a whole URL to what is no proxy.
    assert.deepEqual(whole.statuses, [edge === 'nginx' ? '204' : '400']);
    if (edge === 'nginx') accepted++;
    // HAProxy makes one line of it (RFC 9112 §5.2), and nobody reads it in another way.
    const fold = await exchange(proxy.plainUrl, post(`Authorization: Bearer\r\n ${good.slice(7)}\r\n`));
    assert.deepEqual(fold.statuses, [edge === 'haproxy' ? '204' : '400']);
    if (edge === 'haproxy') accepted++;
    // What is only for the next hop is not to make a stranger of somebody, nor the other way round.
    const { statuses } = await exchange(proxy.plainUrl, post(token).replace('close', 'close, X-Forwarded-For'));
    assert.deepEqual(statuses, ['204']);
    accepted++;
  });

  it('a ticket in an odd place, and a cursor of a channel that one may not read, open nothing', async () => {
    const cursorOf = async (channel: string) => {
      const answer = await fetch(`${server.url}/c/${channel}/history`, { headers: { authorization: root } });
      return ((await answer.json()) as { cursor: string }).cursor;
    };
    const [mine, others] = [await cursorOf('a.1'), await cursorOf('b.1')];
    const page = { 'sec-fetch-site': 'same-origin' };
    for (const [path, fields, status] of [
      [`/c/a.1/events?format=json&ticket=${ticket}`, {}, /^401/],
      [`/c/a.1/state?ticket=${ticket}`, {}, /^401/],
      [`/c/b.1/events?ticket=${ticket}`, {}, /^401/],
      [`/c/a.1/events?%74icket=${ticket}&ticket=${ticket}`, {}, /^400/],
      ['/c/a.1/events', { ...page, cookie: `__Host-sc=${ticket}` }, /^401/],
      ['/c/a.1/events', { authorization: `Bearer ${ticket}` }, /^401/],
      [`/c/a.1/events?ticket=${session.cookie.slice(-22)}`, {}, /^401/],
      [`/c/b.1/events?since=${mine}`, { authorization: good }, /^403/],
      [`/c/a.1,b.1/events?since=${mine}~${others}`, { authorization: good }, /^403/],
      ['/c/b.1/events', { authorization: good, 'last-event-id': others }, /^403/],
      [`/c/b.1/history?since=${others}`, { authorization: good }, /^403/],
      [`/c/a.1/events?since=${others}`, { authorization: good }, /^200/],
      [`/c/a.1/events?format=json&since=${others}~${mine}`, { authorization: good }, /^200/],
      ['/c/a.1/events', { authorization: good, 'last-event-id': `${others}~${others}` }, /^200/],
    ] as const satisfies readonly (readonly [string, Fields, RegExp])[]) {
      const answer = await overH2(path, fields);
      assert.match(answer.status, status, `${path}: ${answer.text}`);
      assert.doesNotMatch(answer.text, new RegExp(SAID));
    }
  });

  it('a connection is made into nothing else', async () => {
    for (const url of [proxy.plainUrl, server.url]) {
      for (const [line, fields] of [
        [
          'GET /c/a.1/state',
          'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n',
        ],
        [
          'GET /c/a.1/events',
          'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n',
        ],
        ['CONNECT 127.0.0.1:6379', ''],
        [`CONNECT ${new URL(server.url).host}`, ''],
        ['TRACE /c/a.1', ''],
        ['PRI *', ''],
      ] as const) {
        // Behind it is what would be served without a check, if it were.
        const behind = `GET /c/b.1/state HTTP/1.1\r\nHost: localhost\r\n\r\n`;
        const { statuses, text } = await exchange(url, `${line} HTTP/1.1\r\nHost: localhost\r\n${fields}\r\n${behind}`);
        assert.ok(
          statuses.every((status) => /^[45]/.test(status)),
          `${line} at ${url}: ${text}`,
        );
        assert.doesNotMatch(text, new RegExp(SAID));
      }
    }
  });

  it(`${ASKERS} who share a connection are each answered as who they are`, async () => {
    const askers = Array.from({ length: ASKERS }, (_, i) => ({
      channel: `own.${i}`,
      authorization: bearer({ publish: [`own.${i}`], subscribe: [`own.${i}`] }, { sub: `u${i}` }),
    }));
    const agent = oneConnection(proxy.plainUrl);
    const other = (i: number) => `own.${(i + 1) % ASKERS}`;
    try {
      await Promise.all(
        askers.map(async ({ channel, authorization }, i) => {
          assert.equal((await overH2(`/c/${channel}`, { authorization }, `of ${i}.`)).status, '204');
          assert.equal((await overH2(`/c/${other(i)}`, { authorization }, 'x')).status, '403');
          await waitFor(async () => (await countOf(channel)) === 1, { what: 'it' });
        }),
      );
      await Promise.all(
        askers.map(async ({ channel, authorization }, i) => {
          const path = i % 2 === 0 ? 'events?format=json&since=earliest' : 'history';
          for (const answer of [
            await overH2(`/c/${channel}/${path}`, { authorization }),
            await request(proxy.plainUrl, `/c/${channel}/${path}`, { agent, headers: { authorization } }),
          ]) {
            assert.equal(String(answer.status), '200');
            const text = 'text' in answer ? answer.text : answer.body.toString();
            assert.deepEqual(text.match(/of \d+\./g), [`of ${i}.`]);
          }
          const stream = await overH2(`/c/${channel}/events?since=earliest`, { authorization }, undefined, /of \d+\./);
          assert.deepEqual(stream.text.match(/of \d+\./g), [`of ${i}.`]);
          for (const door of [path, 'events']) {
            assert.equal((await overH2(`/c/${other(i)}/${door}`, { authorization })).status, '403');
          }
          const headers = { authorization };
          assert.equal((await request(proxy.plainUrl, `/c/${other(i)}/state`, { agent, headers })).status, 403);
        }),
      );
    } finally {
      agent.destroy();
    }
  });
}

for (const edge of edges) describe(`tricks through ${edge}`, { concurrency: 4 }, () => tests(edge));

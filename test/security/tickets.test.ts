/** Tickets: a URL that opens one stream, for one holder at a time, and again after it was cut (P37). At two servers with one Redis. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { keyOf } from '../../src/access/sessions/session-key.ts';
import { type LocalApp, startLocalApp } from '../support/app.ts';
import { Listening } from '../support/listening.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import { signIn, signOut } from '../support/sessions.ts';
import { bearer, nowS, SECRET } from '../support/tokens.ts';
import { waitFor } from '../support/wait.ts';

const grant = { publish: ['*'], subscribe: ['a.*'] };
const ROUNDS = 25;

describe('a ticket', { concurrency: true }, () => {
  let redis: RedisServer;
  let here: LocalApp;
  let there: LocalApp;
  before(async () => {
    redis = await startRedis();
    const env = { AUTH: 'jwt', JWT_SECRET: SECRET, REDIS_URL: redis.url };
    [here, there] = [await startLocalApp(env), await startLocalApp(env)];
  });
  after(async () => {
    await here?.app.stop(0);
    await there?.app.stop(0);
    await redis?.stop();
  });

  async function issue(headers: Record<string, string>, channels = 'a.1'): Promise<string> {
    const answer = await fetch(`${here.url}/tickets?channels=${channels}`, { method: 'POST', headers });
    const said = (await answer.json()) as { ticket: string; expiresInS: number };
    assert.equal(answer.status, 201, JSON.stringify(said));
    assert.equal(answer.headers.get('cache-control'), 'no-store');
    assert.match(said.ticket, /^[\w-]{22}$/);
    assert.ok(said.expiresInS > 0 && said.expiresInS <= 30);
    return said.ticket;
  }

  const forToken = (channels?: string) => issue({ authorization: bearer(grant) }, channels);
  const open = (server: LocalApp, ticket: string, channels = 'a.1') =>
    Listening.open(`${server.url}/c/${channels}/events?ticket=${ticket}`);

  async function refused(path: string, init: RequestInit = {}): Promise<string> {
    const answer = await fetch(here.url + path, init);
    const said = (await answer.json()) as { code: string };
    return `${answer.status} ${said.code}`;
  }

  /** How long Redis keeps it, milliseconds; -2 where it does not. */
  async function leftMs(ticket: string): Promise<number> {
    const key = (await redis.cli('KEYS', `*:a:p:${keyOf(ticket)}`)).trim();
    return key === '' ? -2 : Number(await redis.cli('PTTL', key));
  }

  it('opens a stream of its channels, at any server', async () => {
    for (const server of [here, there]) {
      const stream = await open(server, await forToken('a.1,a.2'), 'a.2,a.1');
      await fetch(`${here.url}/c/a.1`, { method: 'POST', body: 'x', headers: { authorization: bearer(grant) } });
      await waitFor(() => stream.text.includes('"data":"x"'), { what: 'the change' });
      stream.leave();
    }
  });

  it('is given to who may receive all of its channels', async () => {
    const ask = (path: string, headers: Record<string, string> = {}) => refused(path, { method: 'POST', headers });
    const authorization = bearer(grant);
    assert.equal(await ask('/tickets?channels=a.1'), '401 unauthenticated');
    assert.equal(await ask('/tickets?channels=a.1', { authorization: bearer({}) }), '403 forbidden');
    assert.equal(await ask('/tickets?channels=a.1,b.1', { authorization }), '403 forbidden');
    assert.equal(await ask('/tickets', { authorization }), '400 bad_parameter');
    assert.equal(await ask('/tickets?channels=a.1,a.1', { authorization }), '400 repeated_channel');
    const { cookie } = await signIn(here.url, grant);
    assert.equal(await ask('/tickets?channels=a.1', { cookie, 'sec-fetch-site': 'cross-site' }), '403 forged_request');
  });

  it('opens nothing else', async () => {
    const ticket = await forToken();
    const and = `ticket=${ticket}`;
    for (const [path, said, init] of [
      [`/c/a.1,b.1/events?${and}`, '401 bad_ticket', {}],
      [`/c/a.10/events?${and}`, '401 bad_ticket', {}],
      [`/c/a.1/events?format=json&${and}`, '401 bad_ticket', {}],
      [`/c/a.1/state?${and}`, '401 unauthenticated', {}],
      [`/c/a.1/history?${and}`, '401 unauthenticated', {}],
      [`/c/a.1?${and}`, '401 unauthenticated', { method: 'POST', body: 'x' }],
      [`/session?${and}`, '401 unauthenticated', { method: 'POST' }],
      [`/tickets?channels=a.1&${and}`, '401 unauthenticated', { method: 'POST' }],
      [`/c/a.1/events?${and}&${and}`, '400 repeated_parameter', {}],
      ['/c/a.1/events?ticket=', '401 bad_ticket', {}],
      [`/c/a.1/events?ticket=${'A'.repeat(22)}`, '401 bad_ticket', {}],
      [`/c/a.1/events?ticket=${'A'.repeat(4_000)}`, '401 bad_ticket', {}],
      ['/c/a.1/events', '401 unauthenticated', { headers: { ticket } }],
      [`/c/a.1/events?${and}`, '401 invalid_token', { headers: { authorization: 'Bearer x' } }],
      [
        `/c/a.1/events?${and}`,
        '401 session_ended',
        { headers: { cookie: '__Host-sc=x', 'sec-fetch-site': 'same-origin' } },
      ],
    ] as const) {
      assert.equal(await refused(path, init as RequestInit), said, path);
    }
    // None of these has used it.
    (await open(there, ticket)).leave();
  });

  it('is told politely that it is not good', async () => {
    const answer = await fetch(`${here.url}/c/a.1/events?ticket=${'A'.repeat(22)}`, {
      headers: { accept: 'text/event-stream' },
    });
    assert.equal(answer.status, 200);
    assert.equal(await answer.text(), 'retry: 3600000\nevent: $auth\ndata: {"status":"invalid"}\n\n');
  });

  it('is good for 30 s unused, while its stream lives, and for 60 s after', async () => {
    const ticket = await forToken();
    const unusedMs = await leftMs(ticket);
    assert.ok(unusedMs > 0 && unusedMs <= 30_000, `${unusedMs}`);
    const stream = await open(there, ticket);
    assert.ok((await leftMs(ticket)) > 600_000);
    stream.leave();
    await waitFor(async () => (await leftMs(ticket)) <= 60_000, { what: 'it to be left' });
    const cursor = /^id: (.+)$/m.exec(stream.text)![1]!;
    const again = await Listening.open(`${here.url}/c/a.1/events?ticket=${ticket}`, { 'last-event-id': cursor });
    assert.match(again.text, /"status":"resumed"/);
    assert.ok((await leftMs(ticket)) > 600_000);
    again.leave();
    await waitFor(async () => (await leftMs(ticket)) <= 60_000, { what: 'it to be left again' });
    const key = (await redis.cli('KEYS', `*:a:p:${keyOf(ticket)}`)).trim();
    await redis.cli('PEXPIRE', key, '1');
    await waitFor(async () => (await leftMs(ticket)) === -2, { what: 'it to be gone' });
    assert.equal(await refused(`/c/a.1/events?ticket=${ticket}`), '401 bad_ticket');
  });

  it('has one stream: the first ends where it is used again', async () => {
    const ticket = await forToken();
    const first = await open(here, ticket);
    const second = await open(there, ticket);
    await first.over();
    assert.match(first.text, /retry: 3600000\nevent: \$auth\ndata: \{"status":"replaced"\}\n\n$/);
    const third = await open(there, ticket);
    await second.over();
    assert.equal(third.isOver, false);
    third.leave();
  });

  it('used at two servers at once, again and again, has one stream', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const ticket = await forToken();
      const streams = await Promise.all([open(here, ticket), open(there, ticket), open(here, ticket)]);
      await waitFor(() => streams.filter(({ isOver }) => isOver).length === 2, {
        what: () => `two of three to end: ${streams.map(({ text }) => text).join('---\n')}`,
      });
      const [left] = streams.filter(({ isOver }) => !isOver);
      for (const { text } of streams.filter(({ isOver }) => isOver)) assert.match(text, /"status":"replaced"/);
      left!.leave();
    }
  });

  it('of a session ends with it, is renewed with it, and narrowed', async () => {
    const session = await signIn(here.url, grant, { exp: nowS() + 60 });
    const [ticket, other, unused] = [
      await issue(session.headers),
      await issue(session.headers, 'a.2'),
      await issue(session.headers),
    ];
    const stream = await open(there, ticket);
    const narrowed = await open(there, other, 'a.2');
    await signIn(here.url, { subscribe: ['a.1'] }, {}, session.cookie);
    await stream.told('renewed');
    await narrowed.over();
    assert.match(narrowed.text, /"status":"narrowed","channels":\["a.2"\]/);
    assert.equal(await refused(`/c/a.2/events?ticket=${other}`), '403 forbidden');
    await signOut(here.url, session);
    await stream.over();
    assert.match(stream.text, /"status":"revoked"\}\n\n$/);
    for (const gone of [ticket, unused]) {
      assert.equal(await refused(`/c/a.1/events?ticket=${gone}`), '401 bad_ticket');
    }
  });

  it('ends with the token that it was made for', async () => {
    const exp = nowS() + 3;
    const ticket = await issue({ authorization: bearer(grant, { exp }) });
    const stream = await open(there, ticket);
    await stream.over();
    assert.match(stream.text, /"status":"expired"\}\n\n$/);
    assert.equal(await refused(`/c/a.1/events?ticket=${ticket}`), '401 bad_ticket');
  });

  it('reads the past for who may', async () => {
    const events = (ticket: string) => `/c/a.1/events?since=earliest&ticket=${ticket}`;
    const without = await issue({ authorization: bearer({ subscribe: ['a.*'], history: [] }) });
    assert.equal(await refused(events(without)), '403 forbidden');
    const stream = await Listening.open(here.url + events(await forToken()));
    stream.leave();
  });
});

/**
 * Sessions and tickets through both edges, at two servers with one Redis: what is sent goes to one, what is read comes from the other, and
 * each row holds by a change in one segment and in two, by a stream, a poll and an EventSource (P36, P37).
 */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { keyOf, newId } from '../../src/access/sessions/session-key.ts';
import { everyWay } from '../security/session-forgery/rows.ts';
import { type LocalApp, startLocalApp } from '../support/app.ts';
import { ask } from '../support/ask.ts';
import { type Edge, type EdgeProcess, edges, startEdge } from '../support/edge.ts';
import { from, posting, reading } from '../support/limits.ts';
import { Listening } from '../support/listening.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import { ADMIN_KEY, revoke } from '../support/revoking.ts';
import { type SignedIn, signIn, signOut } from '../support/sessions.ts';
import { bearer, nowS, SECRET } from '../support/tokens.ts';
import { waitFor } from '../support/wait.ts';

const MAX_PER_SUB = 3;
const PER_MIN = 20;
const ROUNDS = 5;
/** What is refused is sent to here. */
const EMPTY = 'a.9';
const wide = { publish: ['a.*'], subscribe: ['a.*'], names: ['alice'] };
const PAGE = 'Sec-Fetch-Site: same-origin\r\n';
const EVENT_SOURCE = { accept: 'text/event-stream' };

/** A `sub` for each test: what one has too many of does not end another's. */
let made = 0;
const someone = () => ({ sub: `someone-${++made}` });

let redis: RedisServer;
let here: LocalApp;
let there: LocalApp;
const proxies = new Map<Edge, EdgeProcess>();
const secrets: string[] = [];

before(async () => {
  redis = await startRedis();
  const env = {
    ...{ AUTH: 'jwt', JWT_SECRET: SECRET, REDIS_URL: redis.url, ADMIN_KEY, PUBLIC_HOSTS: 'rt.example' },
    ...{ TRUST_PROXY: '127.0.0.1', MAX_FAILED_CREDENTIALS_PER_MIN: String(PER_MIN) },
    SESSION_MAX_PER_SUB: String(MAX_PER_SUB),
  };
  [here, there] = [await startLocalApp(env), await startLocalApp(env)];
  for (const edge of edges) {
    proxies.set(edge, await startEdge(edge, { buckets: [here], gateways: [there], trustedProxies: '127.0.0.1' }));
  }
});
after(async () => {
  const page = await fetch(`${here.url}/c/${EMPTY}/history`, { headers: { authorization: bearer(wide) } });
  const { events } = (await page.json()) as { events: unknown[] };
  const said = [here, there].map((app) => JSON.stringify(app?.logged)).join();
  const logs = [...proxies.values()].map((proxy) => proxy.log()).join();
  for (const proxy of proxies.values()) await proxy.stop();
  await here?.app.stop(0);
  await there?.app.stop(0);
  await redis?.stop();
  assert.deepEqual(events, [], 'of what was refused nothing is there');
  for (const secret of ['eyJ', ...secrets]) assert.ok(!(said + logs).includes(secret), 'no secret is in a log');
});

async function begin(url: string, grant: unknown, more = {}, cookie?: string): Promise<SignedIn> {
  const session = await signIn(url, grant, more, cookie);
  secrets.push(session.cookie.slice(-22));
  return session;
}

async function issue(url: string, headers: Record<string, string>, channels = 'a.1'): Promise<string> {
  const answer = await fetch(`${url}/tickets?channels=${channels}`, { method: 'POST', headers });
  const text = await answer.text();
  assert.equal(answer.status, 201, text);
  const { ticket } = JSON.parse(text) as { ticket: string };
  secrets.push(ticket);
  return ticket;
}

const fieldsOf = ({ cookie }: { readonly cookie: string }) => [`Cookie: ${cookie}`, PAGE.trim()];

/** That each way is answered so; an EventSource is told it. */
function checkAll(answers: Readonly<Record<string, string>>, status: number, code: string, told: string): void {
  for (const [way, answer] of Object.entries(answers)) {
    const isPolite = way === 'EventSource';
    assert.match(answer, isPolite ? /^HTTP\/1\.1 200 / : new RegExp(`^HTTP/1\\.1 ${status} `), `${way}: ${answer}`);
    assert.match(answer, isPolite ? new RegExp(`"status":"${told}"`) : new RegExp(`"code":"(${code})"`), way);
  }
}

function checkGood(answers: Readonly<Record<string, string>>): void {
  for (const [way, answer] of Object.entries(answers)) assert.match(answer, /^HTTP\/1\.1 20[04] /, `${way}: ${answer}`);
  assert.match(answers.EventSource!, /\$sync/);
}

/** How long Redis keeps a ticket, milliseconds; -2 where it does not. */
async function leftMs(ticket: string): Promise<number> {
  const key = await keyIn(ticket);
  return key === '' ? -2 : Number(await redis.cli('PTTL', key));
}

const keyIn = async (id: string) => (await redis.cli('KEYS', `*:a:p:${keyOf(id)}`)).trim();

function tests(edge: Edge): void {
  const url = () => proxies.get(edge)!.plainUrl;
  const port = () => Number(new URL(url()).port);
  const all = (fields: readonly string[], channel = 'a.1') => everyWay(port(), fields, channel);
  const refused = async (fields: readonly string[], code: string, told: string, status = 401) =>
    checkAll(await all(fields, EMPTY), status, code, told);
  const open = (headers: Record<string, string>, channels = 'a.1', query = '') =>
    Listening.open(`${url()}/c/${channels}/events${query}`, { ...EVENT_SOURCE, ...headers });
  const poll = (headers: Record<string, string>, channel = 'a.3') =>
    fetch(`${url()}/c/${channel}/events?format=json&wait=25`, { headers });
  const hasTicket = (ticket: string, path = '/c/a.1/events') => `${path}?ticket=${ticket}`;

  it('S1 begins with a cookie to the letter, and opens each door', async () => {
    const session = await begin(url(), wide, { ...someone(), exp: nowS() + 600 });
    assert.ok(session.maxAgeS > 400 && session.maxAgeS <= 600, `${session.maxAgeS}`);
    checkGood(await all(fieldsOf(session)));
  });

  it('S2 does not begin over plain HTTP, whatever a client says of it', async () => {
    const fields = `Authorization: ${bearer(wide)}\r\n${PAGE}X-Forwarded-Proto: https\r\n`;
    const head = `POST /session HTTP/1.1\r\nHost: rt.example\r\n${fields}`;
    for (const parts of [[`${head}Content-Length: 0\r\n\r\n`], [head, 'Content-Length: 0\r\n\r\n']]) {
      const answer = await ask(port(), parts);
      assert.match(answer, /^HTTP\/1\.1 409 .*"code":"not_secure"/s);
      assert.doesNotMatch(answer, /^set-cookie/im);
    }
  });

  it('S3, S4 of nobody is 401, whatever is wrong with the cookie', async () => {
    const mine = someone();
    const [{ cookie }, { cookie: other }] = [await begin(url(), wide, mine), await begin(url(), wide, mine)];
    const bad = [
      cookie.slice(0, -1),
      `__Host-sc=${newId(0)}`,
      `__Host-sc=${'A'.repeat(4_000)}`,
      '__Host-sc=',
      `${cookie}; ${other}`,
    ];
    for (const each of bad) await refused(fieldsOf({ cookie: each }), 'session_ended', 'expired');
  });

  it('S5 ends at each server when it is given back at one, with its tickets', async () => {
    const session = await begin(url(), wide, someone());
    const ticket = await issue(url(), session.headers);
    const streams = [
      await open(session.headers),
      await Listening.open(`${here.url}/c/a.1/events`, session.headers),
      await open({}, 'a.1', `?ticket=${ticket}`),
    ];
    const waiting = poll(session.headers);
    checkGood(await all(fieldsOf(session)));
    assert.equal((await signOut(url(), session)).status, 204);
    for (const stream of streams) {
      await stream.over();
      assert.match(stream.text, /"status":"revoked"\}\n\n$/);
    }
    assert.equal((await waiting).status, 401);
    await refused(fieldsOf(session), 'session_ended', 'expired');
    assert.match(await ask(port(), reading(hasTicket(ticket))), /^HTTP\/1\.1 401 .*"code":"bad_ticket"/s);
  });

  it('S6 is over with its token', async () => {
    const exp = nowS() + 6;
    const session = await begin(url(), wide, { ...someone(), exp });
    const stream = await open(session.headers);
    const waiting = poll(session.headers);
    await stream.over();
    assert.match(stream.text, /"status":"expired"\}\n\n$/);
    assert.equal((await waiting).status, 401);
    assert.ok(Date.now() >= exp * 1000);
    await refused(fieldsOf(session), 'session_ended|token_expired', 'expired');
  });

  it('S7, A26 of another sub is a new one, and the old one ends', async () => {
    const session = await begin(url(), wide, someone());
    const stream = await open(session.headers);
    const waiting = poll(session.headers);
    const other = await begin(url(), wide, someone(), session.cookie);
    assert.notEqual(other.cookie, session.cookie);
    await stream.over();
    assert.equal((await waiting).status, 401);
    await refused(fieldsOf(session), 'session_ended', 'expired');
    checkGood(await all(fieldsOf(other)));
  });

  it('S8 renewed with less is less, and cuts nothing else', async () => {
    const mine = someone();
    const session = await begin(url(), wide, mine);
    const kept = await open(session.headers);
    const lost = await open(session.headers, 'a.1,a.2');
    const waiting = poll(session.headers);
    const less = { publish: ['a.1'], subscribe: ['a.1'], names: ['alice'] };
    const renewed = await begin(url(), less, mine, session.cookie);
    assert.equal(renewed.cookie, session.cookie);
    await kept.told('renewed');
    await lost.over();
    assert.match(lost.text, /"status":"narrowed","channels":\["a.2"\]\}\n\n$/);
    assert.equal((await waiting).status, 403);
    await refused(fieldsOf(session), 'forbidden', 'forbidden', 403);
    checkGood(await all(fieldsOf(session)));
    assert.equal(kept.isOver, false);
    kept.leave();
  });

  it('S10, S11, S12 a ticket has its time unused, while its stream lives, and after', async () => {
    const headers = { authorization: bearer(wide, someone()) };
    const unused = await issue(url(), headers);
    const unusedMs = await leftMs(unused);
    assert.ok(unusedMs > 0 && unusedMs <= 30_000, `${unusedMs}`);
    const ticket = await issue(url(), headers);
    const stream = await open({}, 'a.1', `?ticket=${ticket}`);
    assert.ok((await leftMs(ticket)) > 600_000);
    stream.leave();
    await waitFor(async () => (await leftMs(ticket)) <= 60_000, { what: 'it to be left' });
    const cursor = /^id: (.+)$/m.exec(stream.text)![1]!;
    const again = await open({ 'last-event-id': cursor }, 'a.1', `?ticket=${ticket}`);
    assert.match(again.text, /"status":"resumed"/);
    again.leave();
    await waitFor(async () => (await leftMs(ticket)) <= 60_000, { what: 'it to be left again' });
    for (const over of [unused, ticket]) {
      await redis.cli('PEXPIRE', await keyIn(over), '1');
      await waitFor(async () => (await leftMs(over)) === -2, { what: 'its time to be over' });
      assert.match(await ask(port(), reading(hasTicket(over))), /^HTTP\/1\.1 401 .*"code":"bad_ticket"/s);
      const polite = await ask(port(), reading(hasTicket(over), 'Accept: text/event-stream\r\n'));
      assert.match(polite, /^HTTP\/1\.1 200 .*"status":"invalid"/s);
    }
  });

  it('S13 the same URL again is good, where the first answer was lost', async () => {
    const ticket = await issue(url(), { authorization: bearer(wide, someone()) });
    const socket = connect(port(), '127.0.0.1');
    socket.on('error', () => undefined);
    await new Promise<void>((resolve) => socket.write(reading(hasTicket(ticket))[0]!, () => resolve()));
    await waitFor(async () => (await leftMs(ticket)) > 30_000, { what: 'it to be used' });
    socket.resetAndDestroy();
    const stream = await open({}, 'a.1', `?ticket=${ticket}`);
    stream.leave();
  });

  it('S14, S16 a ticket opens nothing but a stream of its channels, and from no other place', async () => {
    const ticket = await issue(url(), { authorization: bearer(wide, someone()) }, EMPTY);
    for (const segments of [1, 2] as const) {
      for (const [path, fields] of [
        [hasTicket(ticket, '/c/a.9'), ''],
        ['/c/a.9', `Ticket: ${ticket}\r\n`],
        ['/c/a.9', `Authorization: Bearer ${ticket}\r\n`],
        ['/c/a.9', `Cookie: __Host-sc=${ticket}\r\n${PAGE}`],
      ] as const) {
        assert.match(await ask(port(), posting(segments, path, fields)), /^HTTP\/1\.1 401 /, path + fields);
      }
    }
    for (const [path, fields, status] of [
      [`${hasTicket(ticket, '/c/a.9/events')}&format=json`, '', 401],
      [hasTicket(ticket, '/c/a.9/state'), '', 401],
      [hasTicket(ticket, '/c/a.9/history'), '', 401],
      [hasTicket(ticket, '/c/a.90/events'), '', 401],
      [hasTicket(ticket, '/c/a.9,b.1/events'), '', 401],
      [`${hasTicket(ticket, '/c/a.9/events')}&ticket=${ticket}`, '', 400],
      ['/c/a.9/events?ticket=', '', 401],
      ['/c/a.9/events', `Ticket: ${ticket}\r\n`, 401],
      ['/c/a.9/events', `Cookie: __Host-sc=${ticket}\r\n${PAGE}`, 401],
    ] as const) {
      assert.match(await ask(port(), reading(path, fields)), new RegExp(`^HTTP/1\\.1 ${status} `), path);
      const polite = await ask(port(), reading(path, `${fields}Accept: text/event-stream\r\n`));
      assert.doesNotMatch(polite, /\$sync|"events"/, path);
    }
    (await open({}, EMPTY, `?ticket=${ticket}`)).leave();
  });

  it('S15, T42 of whom is revoked opens nothing more, used or not', async () => {
    const mine = someone();
    const session = await begin(url(), wide, mine);
    const [used, unused] = [await issue(url(), session.headers), await issue(url(), session.headers)];
    const streams = [await open({}, 'a.1', `?ticket=${used}`), await open(session.headers)];
    const waiting = poll(session.headers);
    await revoke(here.url, mine);
    for (const stream of streams) {
      await stream.over();
      assert.match(stream.text, /"status":"revoked"\}\n\n$/);
    }
    assert.equal((await waiting).status, 401);
    await refused(fieldsOf(session), 'token_revoked', 'revoked');
    for (const ticket of [used, unused]) {
      assert.match(await ask(port(), reading(hasTicket(ticket))), /^HTTP\/1\.1 401 .*"code":"token_revoked"/s);
      const polite = await ask(port(), reading(hasTicket(ticket), 'Accept: text/event-stream\r\n'));
      assert.match(polite, /^HTTP\/1\.1 200 .*"status":"revoked"/s);
    }
  });

  it('A7, T43 of a sub is revoked by iat and not by now', async () => {
    const mine = someone();
    const beforeS = nowS() - 100;
    await revoke(here.url, { ...mine, issuedBefore: beforeS });
    const issued = (iat: number | undefined) => [`Authorization: ${bearer(wide, { ...mine, iat })}`];
    for (const iat of [beforeS - 1, undefined]) await refused(issued(iat), 'token_revoked', 'revoked');
    for (const iat of [beforeS, beforeS + 1]) checkGood(await all(issued(iat)));
  });

  it('S17 guesses come to an end, at each door', async () => {
    const address = `192.0.2.${10 + edges.indexOf(edge)}`;
    const guessed = () => `Cookie: __Host-sc=${newId(0)}\r\n${PAGE}`;
    const ways: readonly ((fields: string) => readonly string[])[] = [
      (fields) => posting(1, '/c/a.9', fields + guessed()),
      (fields) => posting(2, '/c/a.9', fields + guessed()),
      (fields) => reading('/c/a.9/events', fields + guessed()),
      (fields) => reading('/c/a.9/events?format=json', fields + guessed()),
      (fields) => reading(hasTicket(newId(1)), fields),
      (fields) => reading('/c/a.9/events', `${fields + guessed()}Accept: text/event-stream\r\n`),
    ];
    let tried = 0;
    for (const way of ways) {
      await waitFor(
        async () => {
          const answer = await ask(port(), way(from(address)));
          const isTried = /^HTTP\/1\.1 401 |"status":"expired"/.test(answer);
          if (isTried) tried++;
          else assert.match(answer, /^HTTP\/1\.1 429 .*too_many_failures|"reason":"credentials"/s);
          return !isTried;
        },
        { what: 'no more to be tried' },
      );
    }
    assert.ok(tried >= PER_MIN, `${tried}`);
    const session = await begin(url(), wide, someone());
    assert.match(await ask(port(), posting(1, '/c/a.1', from('192.0.2.99') + lines(session))), /^HTTP\/1\.1 204 /);
  });

  it('S19 one more than a sub may have ends its oldest', async () => {
    const mine = someone();
    const oldest = await begin(url(), wide, mine);
    const stream = await open(oldest.headers);
    const waiting = poll(oldest.headers);
    const others: SignedIn[] = [];
    for (let i = 0; i < MAX_PER_SUB; i++) others.push(await begin(url(), wide, mine));
    await stream.over();
    assert.equal((await waiting).status, 401);
    await refused(fieldsOf(oldest), 'session_ended', 'expired');
    checkGood(await all(fieldsOf(others[0]!)));
  });
}

const lines = (session: { readonly cookie: string }) => `${fieldsOf(session).join('\r\n')}\r\n`;

for (const edge of edges) describe(`a session behind ${edge}`, { concurrency: 8 }, () => tests(edge));

describe('a session behind both edges', () => {
  it('S9 one ticket, used at both at once, has one stream', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const ticket = await issue(here.url, { authorization: bearer(wide, someone()) });
      const urls = [here.url, ...edges.map((edge) => proxies.get(edge)!.plainUrl)];
      const streams = await Promise.all(
        urls.map((url) => Listening.open(`${url}/c/a.1/events?ticket=${ticket}`, EVENT_SOURCE)),
      );
      const over = () => streams.filter(({ isOver }) => isOver);
      await waitFor(() => over().length === 2, { what: () => `two to end: ${streams.map(({ text }) => text)}` });
      for (const { text } of over()) assert.match(text, /"status":"replaced"\}\n\n$/);
      for (const stream of streams) stream.leave();
    }
  });

  it('S18 is 503 while Redis stands still, never 401, and what is open stays', async () => {
    const session = await begin(here.url, wide, someone());
    const ticket = await issue(here.url, session.headers);
    const urls = edges.map((edge) => proxies.get(edge)!.plainUrl);
    const streams = await Promise.all(urls.map((url) => Listening.open(`${url}/c/a.1/events`, session.headers)));
    redis.pause();
    try {
      await Promise.all(
        urls.map(async (url) => {
          const port = Number(new URL(url).port);
          const unknown = lines({ cookie: `__Host-sc=${newId(0)}` });
          const answers = await Promise.all([
            ask(port, posting(1, '/c/a.1', unknown)),
            ask(port, posting(2, '/c/a.1', unknown)),
            ask(port, reading('/c/a.1/events', unknown)),
            ask(port, reading('/c/a.1/events?format=json', unknown)),
            ask(port, reading(`/c/a.1/events?ticket=${ticket}`)),
          ]);
          for (const answer of answers) assert.match(answer, /^HTTP\/1\.1 503 .*"code":"(auth|engine)_unavailable"/s);
          for (const parts of [
            reading('/c/a.1/events', `${unknown}Accept: text/event-stream\r\n`),
            reading(`/c/a.1/events?ticket=${ticket}`, 'Accept: text/event-stream\r\n'),
          ]) {
            assert.match(await ask(port, parts), /^HTTP\/1\.1 200 .*"status":"unavailable"/s);
          }
        }),
      );
    } finally {
      redis.resume();
    }
    const again = await waitFor(
      async () => {
        const said = await ask(here.port, posting(1, '/c/a.1', lines(session)));
        return / 204 /.test(said);
      },
      { what: 'it to be asked again' },
    );
    assert.ok(again);
    for (const stream of streams) {
      assert.equal(stream.isOver, false, stream.text);
      stream.leave();
    }
  });
});

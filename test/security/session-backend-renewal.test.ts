/**
 * A session that AUTH_URL has let in, renewed: the backend is asked anew, and what it says now is what counts, for streams that are open
 * and for tickets as well; and while it does not answer nobody is signed out (P36, P37).
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, beforeEach, describe, it } from 'node:test';
import { type LocalApp, startLocalApp } from '../support/app.ts';
import { Listening } from '../support/listening.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import { OWN_PAGE, signIn } from '../support/sessions.ts';
import { SECRET } from '../support/tokens.ts';

const wide = { publish: ['a.*'], subscribe: ['a.*'] };
const ALICE = { sub: 'alice', expiresIn: 600, smallchange: wide };

describe('a session by AUTH_URL that is renewed', () => {
  let redis: RedisServer;
  let backend: Server;
  let here: LocalApp;
  let there: LocalApp;
  let asked = 0;
  /** A status, or what is said of who it is. */
  let answer: number | object = ALICE;
  before(async () => {
    redis = await startRedis();
    backend = createServer((request, response) => {
      asked++;
      request.resume();
      if (typeof answer === 'number') response.writeHead(answer).end();
      else response.end(JSON.stringify(answer));
    });
    backend.listen(0, '127.0.0.1');
    await once(backend, 'listening');
    const env = {
      ...{ AUTH: 'jwt', JWT_SECRET: SECRET, REDIS_URL: redis.url, AUTH_FORWARD: 'cookie' },
      AUTH_URL: `http://127.0.0.1:${(backend.address() as AddressInfo).port}/who`,
    };
    [here, there] = [await startLocalApp(env), await startLocalApp(env)];
  });
  after(async () => {
    await here?.app.stop(0);
    await there?.app.stop(0);
    backend?.close();
    backend?.closeAllConnections();
    await redis?.stop();
  });
  beforeEach(() => {
    asked = 0;
    answer = ALICE;
  });

  let logins = 0;
  const cookieOf = (made: Response) => made.headers.get('set-cookie')!.split(';', 1)[0]!;
  const ask = (server: LocalApp, cookie: string) =>
    fetch(`${server.url}/session`, { method: 'POST', headers: { ...OWN_PAGE, cookie } });

  async function begin() {
    const login = `login=${++logins}`;
    const made = await ask(here, login);
    assert.equal(made.status, 204);
    const own = cookieOf(made);
    const headers = { ...OWN_PAGE, cookie: `${login}; ${own}` };
    return { own, headers, renew: (server = here) => ask(server, headers.cookie) };
  }

  const streamOf = (headers: Record<string, string>, more = '') =>
    Listening.open(`${there.url}/c/a.1/events${more}`, headers);

  async function ticketOf(headers: Record<string, string>): Promise<string> {
    const issued = await fetch(`${here.url}/tickets?channels=a.1`, { method: 'POST', headers });
    assert.equal(issued.status, 201);
    return ((await issued.json()) as { ticket: string }).ticket;
  }

  const statusOf = async (headers: Record<string, string>) =>
    (await fetch(`${there.url}/c/a.1/state`, { headers })).status;

  it('is asked about anew, however soon, has the same name, and cuts no stream', async () => {
    const { own, headers, renew } = await begin();
    const streams = [await streamOf(headers), await streamOf({}, `?ticket=${await ticketOf(headers)}`)];
    answer = { ...ALICE, expiresIn: 1_200 };
    const renewed = await renew(there);
    assert.equal(renewed.status, 204);
    assert.equal(cookieOf(renewed), own);
    assert.match(renewed.headers.get('set-cookie')!, /Max-Age=1(199|200)$/);
    assert.equal(asked, 2);
    for (const stream of streams) {
      await stream.told('renewed');
      assert.equal(stream.isOver, false);
      stream.leave();
    }
  });

  it('by ten tabs at once is renewed for all of them, and not asked about ten times', async () => {
    const { renew } = await begin();
    const all = await Promise.all(Array.from({ length: 10 }, () => renew()));
    for (const { status } of all) assert.equal(status, 204);
    // One that comes a second later, on a slow machine, asks again.
    assert.ok(asked <= 6, `asked ${asked} times`);
  });

  it('with less ends what is not granted any more, at the other server too, and a ticket for it', async () => {
    const { headers, renew } = await begin();
    const ticket = await ticketOf(headers);
    const streams = [await streamOf(headers), await streamOf({}, `?ticket=${ticket}`)];
    answer = { ...ALICE, smallchange: { subscribe: ['a.2'] } };
    assert.equal((await renew()).status, 204);
    for (const stream of streams) {
      await stream.over();
      assert.match(stream.text, /"status":"narrowed","channels":\["a.1"\]/);
    }
    assert.equal(await statusOf(headers), 403);
    assert.notEqual((await fetch(`${there.url}/c/a.1/events?strict=1&ticket=${ticket}`)).status, 200);
  });

  it('as somebody else is another one, and the first ends', async () => {
    const { own, headers, renew } = await begin();
    const stream = await streamOf(headers);
    answer = { ...ALICE, sub: 'bob' };
    const made = await renew();
    assert.equal(made.status, 204);
    assert.notEqual(cookieOf(made), own);
    await stream.over();
    assert.equal(await statusOf(headers), 401);
    assert.equal(await statusOf({ ...OWN_PAGE, cookie: cookieOf(made) }), 200);
  });

  for (const [status, code] of [
    [401, 'unauthenticated'],
    [403, 'forbidden'],
  ] as const) {
    it(`whom the backend lets in no more, by ${status}, has no session, stream or ticket any more`, async () => {
      const { headers, renew } = await begin();
      const streams = [await streamOf(headers), await streamOf({}, `?ticket=${await ticketOf(headers)}`)];
      answer = status;
      const refused = await renew();
      assert.equal(`${refused.status} ${((await refused.json()) as { code: string }).code}`, `${status} ${code}`);
      for (const stream of streams) {
        await stream.over();
        assert.match(stream.text, /"status":"revoked"\}\n\n$/);
      }
      assert.equal(await statusOf(headers), 401);
    });
  }

  it('while the backend does not answer goes on as it was', async () => {
    const { own, headers, renew } = await begin();
    const stream = await streamOf(headers);
    for (const bad of [500, 302, 404, {}]) {
      answer = bad;
      const refused = await renew();
      assert.equal(refused.status, 503);
      assert.ok(Number(refused.headers.get('retry-after')) >= 1);
      // What was no answer is asked for again a second later at the earliest.
      await new Promise((resolve) => setTimeout(resolve, 1_100));
    }
    assert.equal(await statusOf(headers), 200);
    assert.equal(stream.isOver, false);
    answer = { ...ALICE, expiresIn: 900 };
    const renewed = await renew();
    assert.equal(cookieOf(renewed), own);
    await stream.told('renewed');
    stream.leave();
  });

  it('of a token is not ended by a backend that does not know its holder', async () => {
    const session = await signIn(here.url, wide, { sub: 'by-token' });
    const stream = await streamOf(session.headers);
    answer = 401;
    assert.equal((await ask(here, `login=${++logins}; ${session.cookie}`)).status, 401);
    assert.equal(await statusOf(session.headers), 200);
    assert.equal(stream.isOver, false);
    stream.leave();
  });
});

/** What is revoked at one server ends at every door of two (P42): by `sub`, by `jti`, and all that was made of a token. Over a Redis of its own. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type LocalApp, startLocalApp } from '../support/app.ts';
import { ask } from '../support/ask.ts';
import { Listening } from '../support/listening.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import { ADMIN_KEY, revoke } from '../support/revoking.ts';
import { signIn } from '../support/sessions.ts';
import { bearer, nowS, SECRET } from '../support/tokens.ts';
import { waitFor } from '../support/wait.ts';

const wide = { publish: ['a.*'], subscribe: ['a.*'] };
const REVOKED = /retry: \d+\nevent: \$auth\ndata: \{"status":"revoked"\}\n\n$/;

type Fields = Record<string, string>;

let redis: RedisServer;
let here: LocalApp;
let there: LocalApp;
before(async () => {
  redis = await startRedis();
  const env = { AUTH: 'jwt', JWT_SECRET: SECRET, REDIS_URL: redis.url, ADMIN_KEY };
  [here, there] = [await startLocalApp(env), await startLocalApp(env)];
});
after(async () => {
  await here?.app.stop(0);
  await there?.app.stop(0);
  await redis?.stop();
});

const servers = () => [here, there] as const;

async function codeOf(answer: Response): Promise<string> {
  const text = await answer.text();
  return answer.status < 300 ? `${answer.status}` : `${answer.status} ${(JSON.parse(text) as { code: string }).code}`;
}

/** By the shortcut, as a request in one segment; and by Node's parser. */
async function posts({ port }: LocalApp, headers: Fields): Promise<string[]> {
  const fields = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const start = `POST /c/a.1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n${fields.join('')}`;
  const rest = '\r\nx';
  const answers = [await ask(port, [start + rest]), await ask(port, [start, rest])];
  return answers.map((text) => {
    const [, status, code] = /^HTTP\/1.1 (\d{3})(?:.*"code":"(\w+)")?/s.exec(text)!;
    return status === '204' ? '200' : `${status} ${code}`;
  });
}

/** What each door of both servers says. */
async function doors(headers: Fields): Promise<Set<string>> {
  const said: string[] = [];
  for (const app of servers()) {
    const get = async (path: string) => codeOf(await fetch(app.url + path, { headers }));
    said.push(...(await posts(app, headers)));
    said.push(await get('/c/a.1/events?strict=1&format=json'), await get('/c/a.1/state'), await get('/c/a.1/history'));
    const stream = await fetch(`${app.url}/c/a.1/events?strict=1`, { headers });
    said.push(stream.status === 200 ? '200' : await codeOf(stream));
    if (stream.status === 200) await stream.body!.cancel();
  }
  return new Set(said);
}

const allGood = new Set(['200']);
const allRevoked = new Set(['401 token_revoked']);

async function waitingPoll({ url }: LocalApp, headers: Fields): Promise<{ readonly answer: Promise<string> }> {
  const answer = fetch(`${url}/c/a.2/events?format=json&wait=25`, { headers }).then(codeOf);
  await waitFor(async () => /"polls":[1-9]/.test(await (await fetch(`${url}/load`)).text()), {
    what: 'the poll to wait',
  });
  return { answer };
}

const cases = {
  'a sub': (claims: Fields) => ({ sub: claims.sub }),
  'a jti': (claims: Fields) => ({ jti: claims.jti }),
};

for (const [what, wishOf] of Object.entries(cases)) {
  describe(`${what} that is revoked`, () => {
    const claimsOf = (name: string) => ({ sub: `${name}-${what.slice(2)}`, jti: `id-${name}-${what.slice(2)}` });

    it('ends the streams and polls of its tokens at both servers, opens no door again, and nobody else’s', async () => {
      const mine = claimsOf('mine');
      const iat = nowS();
      const headers = { authorization: bearer(wide, mine) };
      const others = { authorization: bearer(wide, claimsOf('other')) };
      assert.deepEqual(await doors(headers), allGood);
      const streams = await Promise.all(servers().map(({ url }) => Listening.open(`${url}/c/a.1/events`, headers)));
      const kept = await Promise.all(servers().map(({ url }) => Listening.open(`${url}/c/a.1/events`, others)));
      const polls = await Promise.all(servers().map((app) => waitingPoll(app, headers)));
      await revoke(here.url, wishOf(mine));
      for (const stream of streams) {
        await stream.over();
        assert.match(stream.text, REVOKED);
      }
      for (const { answer } of polls) assert.equal(await answer, '401 token_revoked');
      assert.deepEqual(await doors(headers), allRevoked);
      // It was never seen before, and so is verified; issued before, however long this has taken.
      assert.deepEqual(await doors({ authorization: bearer(wide, { ...mine, iat, nonce: 'x' }) }), allRevoked);
      assert.deepEqual(await doors(others), allGood);
      for (const stream of kept) {
        assert.equal(stream.isOver, false);
        stream.leave();
      }
    });

    it('ends the sessions that were made of them', async () => {
      const mine = claimsOf('session');
      const session = await signIn(here.url, wide, mine);
      const other = await signIn(here.url, wide, claimsOf('other-session'));
      assert.deepEqual(await doors(session.headers), allGood);
      const streams = await Promise.all(
        servers().map(({ url }) => Listening.open(`${url}/c/a.1/events`, session.headers)),
      );
      const poll = await waitingPoll(there, session.headers);
      await revoke(here.url, wishOf(mine));
      for (const stream of streams) {
        await stream.over();
        assert.match(stream.text, REVOKED);
      }
      assert.equal(await poll.answer, '401 token_revoked');
      assert.deepEqual(await doors(session.headers), allRevoked);
      assert.deepEqual(await doors(other.headers), allGood);
      // And whoever has its cookie has not that of the next.
      const later = { ...mine, jti: `${mine.jti}-later`, iat: nowS() + 5 };
      const next = await signIn(there.url, wide, later, session.cookie);
      assert.notEqual(next.cookie, session.cookie);
      assert.deepEqual(await doors(next.headers), allGood);
      assert.ok(![...(await doors(session.headers))].includes('200'));
    });

    it('ends the tickets that were made of them, used or not', async () => {
      const mine = claimsOf('ticket');
      const ofToken = { authorization: bearer(wide, mine) };
      const session = await signIn(here.url, wide, mine);
      const issue = async (headers: Fields) => {
        const answer = await fetch(`${here.url}/tickets?channels=a.1`, { method: 'POST', headers });
        assert.equal(answer.status, 201);
        return ((await answer.json()) as { ticket: string }).ticket;
      };
      const tickets = [await issue(ofToken), await issue(session.headers)];
      const unused = [await issue(ofToken), await issue(session.headers)];
      const streams = await Promise.all(
        tickets.map((ticket) => Listening.open(`${there.url}/c/a.1/events?ticket=${ticket}`)),
      );
      await revoke(here.url, wishOf(mine));
      for (const stream of streams) {
        await stream.over();
        assert.match(stream.text, REVOKED);
      }
      for (const ticket of [...tickets, ...unused]) {
        const path = `${there.url}/c/a.1/events?ticket=${ticket}`;
        assert.equal(await codeOf(await fetch(`${path}&strict=1`)), '401 token_revoked');
        const polite = await fetch(path, { headers: { accept: 'text/event-stream' } });
        assert.equal(polite.headers.get('x-auth'), '401');
        assert.match(await polite.text(), REVOKED);
      }
    });
  });
}

describe('a revocation', () => {
  it('of a sub is of what was issued before, by iat and not by now', async () => {
    const sub = 'by-time';
    const beforeS = nowS() - 100;
    const issued = (iat: number | undefined) => ({ authorization: bearer(wide, { sub, iat, n: `${iat}` }) });
    await revoke(here.url, { sub, issuedBefore: beforeS });
    assert.deepEqual(await doors(issued(beforeS - 1)), allRevoked);
    assert.deepEqual(await doors(issued(undefined)), allRevoked);
    assert.deepEqual(await doors(issued(beforeS)), allGood);
    assert.deepEqual(await doors(issued(beforeS + 1)), allGood);
    // An earlier one takes nothing back.
    await revoke(there.url, { sub, issuedBefore: beforeS - 50 });
    assert.deepEqual(await doors(issued(beforeS - 1)), allRevoked);
  });

  it('of a jti is of no token without one', async () => {
    const headers = { authorization: bearer(wide, { sub: 'without-jti' }) };
    for (const jti of ['undefined', 'null', 'without-jti']) await revoke(here.url, { jti });
    assert.deepEqual(await doors(headers), allGood);
  });

  it('ends what is being opened, and a token that is verified at that moment', async () => {
    const sub = 'at-once';
    const asking = Array.from({ length: 20 }, (_, i) =>
      fetch(`${there.url}/c/a.1/events`, { headers: { authorization: bearer(wide, { sub, n: i }) } }),
    );
    await revoke(here.url, { sub });
    for (const answer of await Promise.all(asking)) {
      const text = await answer.text();
      assert.match(text, answer.status === 200 ? /"status":"revoked"/ : /token_revoked/);
    }
  });

  it('is in the log, and the key and the tokens are not', async () => {
    const headers = { authorization: bearer(wide, { sub: 'logged', jti: 'id-logged' }) };
    await revoke(here.url, { sub: 'logged' });
    await doors(headers);
    const lines = here.logged.filter(({ msg }) => msg === 'tokens are revoked');
    assert.ok(lines.some(({ sub, level }) => sub === 'logged' && level === 'info'));
    const all = JSON.stringify([...here.logged, ...there.logged]);
    for (const secret of [ADMIN_KEY, SECRET, headers.authorization.split(' ')[1]!]) assert.ok(!all.includes(secret));
    const metrics = await (await fetch(`${here.url}/metrics`)).text();
    assert.match(metrics, /smallchange_revocations_total\{by="sub"\} [1-9]/);
    assert.match(metrics, /smallchange_problems_total\{code="token_revoked"\} [1-9]/);
    assert.match(metrics, /smallchange_streams_ended_total\{reason="revoked"\} [1-9]/);
  });
});

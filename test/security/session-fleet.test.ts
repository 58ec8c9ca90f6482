/**
 * One session at two servers: what becomes of it at one, its streams and polls learn at the other (P36). Over a Redis of its own.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type LocalApp, startLocalApp } from '../support/app.ts';
import { Listening } from '../support/listening.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import { type SignedIn, signIn, signOut } from '../support/sessions.ts';
import { bearer, nowS, SECRET } from '../support/tokens.ts';
import { waitFor } from '../support/wait.ts';

const wide = { publish: ['a.*'], subscribe: ['a.*'] };

describe('a session at two servers', { concurrency: true }, () => {
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

  const statusOf = async (path: string, { headers }: SignedIn, init: RequestInit = {}) =>
    (await fetch(there.url + path, { ...init, headers })).status;

  it('is good at both, and renewed at one it goes on at both, without a cut', async () => {
    const session = await signIn(here.url, wide, { exp: nowS() + 60 });
    const streams = [
      await Listening.open(`${here.url}/c/a.1/events`, session.headers),
      await Listening.open(`${there.url}/c/a.1/events`, session.headers),
      await Listening.open(`${there.url}/c/a.1,a.2/events`, session.headers),
    ];
    const renewed = await signIn(there.url, wide, { exp: nowS() + 600 }, session.cookie);
    assert.equal(renewed.cookie, session.cookie);
    assert.ok(renewed.maxAgeS > 500);
    for (const stream of streams) {
      await stream.told('renewed');
      assert.match(stream.text, /event: \$auth\ndata: \{"status":"renewed","expiresInS":5\d\d\}\n\n/);
    }
    await fetch(`${here.url}/c/a.1`, { method: 'POST', body: 'still here', headers: session.headers });
    for (const stream of streams) {
      await waitFor(() => stream.text.includes('still here'), { what: 'the change' });
      assert.equal(stream.isOver, false);
      stream.leave();
    }
  });

  it('renewed again and again outlives each of its tokens', async () => {
    const exp = () => nowS() + 6;
    const session = await signIn(here.url, wide, { exp: exp() });
    const stream = await Listening.open(`${there.url}/c/a.1/events`, session.headers);
    const untilMs = Date.now() + 12_000;
    while (Date.now() < untilMs) {
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      await signIn(here.url, wide, { exp: exp() }, session.cookie);
    }
    assert.equal(stream.isOver, false, stream.text);
    await stream.over();
    assert.match(stream.text, /"status":"expired"\}\n\n$/);
  });

  it('renewed with a token that ends earlier ends with that', async () => {
    const session = await signIn(here.url, wide, { exp: nowS() + 600 });
    const stream = await Listening.open(`${there.url}/c/a.1/events`, session.headers);
    const exp = nowS() + 3;
    await signIn(here.url, wide, { exp }, session.cookie);
    await stream.over();
    assert.match(stream.text, /"status":"expired"\}\n\n$/);
    const lateMs = Date.now() - exp * 1000;
    assert.ok(lateMs >= 0 && lateMs < 5_000, `${lateMs} ms after exp`);
  });

  it('renewed with less ends what is not granted any more, and nothing else', async () => {
    const session = await signIn(here.url, wide);
    const kept = await Listening.open(`${there.url}/c/a.1/events`, session.headers);
    const lost = await Listening.open(`${there.url}/c/a.1,a.2/events`, session.headers);
    const poll = fetch(`${there.url}/c/a.2/events?format=json&wait=25`, { headers: session.headers });
    await waitFor(async () => (await fetch(`${there.url}/load`)).text().then((text) => /"polls":[1-9]/.test(text)), {
      what: 'the poll to wait',
    });
    await signIn(here.url, { subscribe: ['a.1'] }, {}, session.cookie);
    await kept.told('renewed');
    await lost.over();
    assert.match(lost.text, /retry: 3600000\nevent: \$auth\ndata: \{"status":"narrowed","channels":\["a.2"\]\}\n\n$/);
    assert.equal((await poll).status, 403);
    assert.equal(kept.isOver, false);
    kept.leave();
    assert.equal(await statusOf('/c/a.2/state', session), 403);
    assert.equal(await statusOf('/c/a.1', session, { method: 'POST', body: 'x' }), 403);
    assert.equal(await statusOf('/c/a.1/state', session), 200);
  });

  it('ends everywhere when it is given back', async () => {
    const session = await signIn(here.url, wide);
    const others = await signIn(here.url, wide);
    const streams = [
      await Listening.open(`${here.url}/c/a.3/events`, session.headers),
      await Listening.open(`${there.url}/c/a.3/events`, session.headers),
    ];
    const kept = await Listening.open(`${there.url}/c/a.3/events`, others.headers);
    const poll = fetch(`${there.url}/c/a.3/events?format=json&wait=25`, { headers: session.headers });
    assert.equal(await statusOf('/c/a.3/state', session), 200);
    assert.equal((await signOut(here.url, session)).status, 204);
    for (const stream of streams) {
      await stream.over();
      assert.match(stream.text, /event: \$auth\ndata: \{"status":"revoked"\}\n\n$/);
    }
    const answer = await poll;
    assert.equal(answer.status, 401);
    assert.match(await answer.text(), /"code":"session_ended"/);
    assert.equal(await statusOf('/c/a.3/state', session), 401);
    assert.equal(await statusOf('/c/a.3', session, { method: 'POST', body: 'x' }), 401);
    assert.equal(kept.isOver, false);
    kept.leave();
  });

  it('of another sub is a new one, and the old one ends', async () => {
    const session = await signIn(here.url, wide);
    const stream = await Listening.open(`${there.url}/c/a.1/events`, session.headers);
    const other = await signIn(here.url, wide, { sub: 'bob' }, session.cookie);
    assert.notEqual(other.cookie, session.cookie);
    await stream.over();
    assert.equal(await statusOf('/c/a.1/state', session), 401);
    assert.equal(await statusOf('/c/a.1?from=bob.n1&seq=1', other, { method: 'POST', body: 'x' }), 204);
  });

  it('one more than a sub may have ends its oldest', async () => {
    const sub = 'many';
    const sessions: SignedIn[] = [];
    for (let i = 0; i < 20; i++) sessions.push(await signIn(i % 2 ? here.url : there.url, wide, { sub }));
    const [first, second, third] = sessions as [SignedIn, SignedIn, SignedIn];
    const stream = await Listening.open(`${there.url}/c/a.1/events`, first.headers);
    // One that was given back makes room.
    await signOut(here.url, second);
    await signIn(here.url, wide, { sub });
    assert.equal(stream.isOver, false);
    await signIn(here.url, wide, { sub });
    await stream.over();
    assert.equal(await statusOf('/c/a.1/state', first), 401);
    assert.equal(await statusOf('/c/a.1/state', third), 200);
  });

  it('is in Redis without its id', async () => {
    const { cookie } = await signIn(here.url, wide);
    const id = cookie.split('=')[1]!;
    const keys = (await redis.cli('KEYS', '*:a:*')).split('\n');
    assert.ok(keys.some((key) => key.includes(':a:p:')));
    for (const key of keys) assert.ok(!key.includes(id));
    assert.ok(!keys.some((key) => key.includes(bearer(wide).slice(-22))));
  });
});

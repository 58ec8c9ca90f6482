/**
 * Sessions, tickets and revocation of two servers on a Redis Cluster: everywhere within 10 s, also when the primary that has them is
 * killed, and while its slot moves to another. Who cannot look lets nobody in and ends nothing (P36, P37, P42).
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { groupOf, ownerKeyOf } from '../../src/access/sessions/session-key.ts';
import { slotOf } from '../../src/engine/redis/nodes/topology.ts';
import { type LocalApp, startLocalApp } from '../support/app.ts';
import { Listening } from '../support/listening.ts';
import { type RedisCluster, startRedisCluster } from '../support/redis-cluster.ts';
import { ADMIN_KEY, askToRevoke, revoke } from '../support/revoking.ts';
import { signIn, signOut } from '../support/sessions.ts';
import { bearer, nowS, SECRET } from '../support/tokens.ts';
import { waitFor } from '../support/wait.ts';

const grant = { publish: ['*'], subscribe: ['*'] };
const SHARDS = 16;
/** Between two requests while a primary is away: often enough to meet each moment of it, and not all that a core can do. */
const LOOK_MS = 20;
const REVOKED = /event: \$auth\ndata: \{"status":"revoked"\}\n\n$/;

let cluster: RedisCluster;
let here: LocalApp;
let there: LocalApp;
before(async () => {
  cluster = await startRedisCluster();
  const env = {
    ...{ AUTH: 'jwt', JWT_SECRET: SECRET, ADMIN_KEY, SHARDS: String(SHARDS) },
    ...{ REDIS_URL: cluster.url, REDIS_MODE: 'cluster' },
  };
  [here, there] = [await startLocalApp(env), await startLocalApp(env)];
});
after(async () => {
  await here?.app.stop(0);
  await there?.app.stop(0);
  await cluster?.stop();
});

const groupOfSub = (sub: string) => groupOf(ownerKeyOf(sub));
/** Of what is kept of this one. */
const slotOfSub = (sub: string) => slotOf(groupOfSub(sub) % SHARDS);

/** Of this server; 0 where it does not answer in time. */
async function statusOf({ url }: LocalApp, headers: Record<string, string>, path = '/c/a/state'): Promise<number> {
  const answer = await fetch(url + path, { headers, signal: AbortSignal.timeout(10_000) });
  await answer.body?.cancel();
  return answer.status;
}

const tokenOf = (sub: string, more = {}) => ({ authorization: bearer(grant, { sub, ...more }) });

async function ticketOf({ url }: LocalApp, headers: Record<string, string>): Promise<string> {
  const answer = await fetch(`${url}/tickets?channels=a`, { method: 'POST', headers });
  assert.equal(answer.status, 201);
  return ((await answer.json()) as { ticket: string }).ticket;
}

describe('on a Cluster of three primaries', () => {
  it('sessions of all groups are good at both servers, are renewed there, narrowed, and end', async () => {
    const subs = Array.from({ length: 24 }, (_, i) => `user-${i}`);
    assert.ok(new Set(subs.map(groupOfSub)).size >= 10, 'of many groups');
    await Promise.all(
      subs.map(async (sub, i) => {
        const session = await signIn(here.url, grant, { sub });
        const stream = await Listening.open(`${there.url}/c/a/events`, session.headers);
        const renewed = await signIn(here.url, grant, { sub, exp: nowS() + 600 }, session.cookie);
        assert.equal(renewed.cookie, session.cookie);
        await stream.told('renewed');
        if (i % 2 === 0) {
          await signIn(here.url, { subscribe: ['b'] }, { sub }, session.cookie);
          await stream.over();
          assert.match(stream.text, /"status":"narrowed"/);
          assert.equal(await statusOf(there, session.headers), 403);
        } else {
          assert.equal((await signOut(here.url, session)).status, 204);
          await stream.over();
          assert.match(stream.text, REVOKED);
          await waitFor(async () => (await statusOf(there, session.headers)) === 401, { what: 'its end' });
        }
      }),
    );
  });

  it('a ticket has one stream at a time, whichever server it is at', async () => {
    const session = await signIn(here.url, grant, { sub: 'ticket' });
    for (const headers of [session.headers, tokenOf('ticket')]) {
      const path = `/c/a/events?ticket=${await ticketOf(here, headers)}`;
      const first = await Listening.open(there.url + path);
      const second = await Listening.open(here.url + path);
      await first.over();
      assert.match(first.text, /"status":"replaced"/);
      second.leave();
      const again = await Listening.open(there.url + path);
      again.leave();
    }
  });

  it('what is revoked by sub or by jti ends at both, with its session and its ticket', async () => {
    for (const by of ['sub', 'jti']) {
      for (const name of [1, 2, 3, 4].map((n) => `${by}-${n}`)) {
        const claims = { sub: `of-${name}`, jti: `id-${name}` };
        const headers = tokenOf(claims.sub, claims);
        const session = await signIn(here.url, grant, claims);
        const ticket = await ticketOf(here, headers);
        const streams = [
          await Listening.open(`${there.url}/c/a/events`, headers),
          await Listening.open(`${there.url}/c/a/events`, session.headers),
          await Listening.open(`${there.url}/c/a/events?ticket=${ticket}`),
        ];
        await revoke(here.url, by === 'sub' ? { sub: claims.sub } : { jti: claims.jti });
        for (const stream of streams) {
          await stream.over();
          assert.match(stream.text, REVOKED);
        }
        for (const fields of [headers, session.headers]) assert.equal(await statusOf(there, fields), 401);
        assert.equal(await statusOf(there, {}, `/c/a/events?strict=1&ticket=${ticket}`), 401);
        assert.equal(await statusOf(there, tokenOf(claims.sub, { iat: nowS() + 2 })), 200);
      }
    }
  });

  it('while the slot of a page moves to another primary nothing is lost, nor told to the wrong one', async () => {
    const sub = 'moves';
    const session = await signIn(here.url, grant, { sub });
    const streams = [
      await Listening.open(`${there.url}/c/a/events`, session.headers),
      await Listening.open(`${there.url}/c/a/events`, tokenOf(sub)),
    ];
    const slot = slotOfSub(sub);
    const from = await cluster.ownerOf(slot);
    const [to] = (await Promise.all(cluster.nodes.map(async (_, i) => cluster.ownerOf(i * 2_500)))).filter(
      (node) => node !== from,
    );
    let isRevoked: Promise<boolean> | undefined;
    await cluster.moveSlot(slot, to!, async () => {
      // With its keys on both sides nobody can write them together: 503, the very same again.
      isRevoked = waitFor(async () => (await askToRevoke(here.url, { sub })).status === 204, {
        what: 'it to be revoked',
      });
    });
    assert.equal(await isRevoked, true);
    for (const stream of streams) {
      await stream.over();
      assert.match(stream.text, REVOKED);
    }
    assert.equal(await statusOf(there, session.headers), 401);
    const next = await signIn(here.url, grant, { sub, iat: nowS() + 2 });
    const again = await Listening.open(`${there.url}/c/a/events`, next.headers);
    assert.equal((await signOut(here.url, next)).status, 204);
    await again.over();
  });

  it('the primary that has them is killed: nobody is signed out, and its replica goes on with them', async () => {
    const sub = 'killed';
    const kept = await signIn(here.url, grant, { sub: 'killed-others' });
    const session = await signIn(here.url, grant, { sub });
    const goes = await Listening.open(`${there.url}/c/a/events`, session.headers);
    const stays = await Listening.open(`${there.url}/c/a/events`, kept.headers);
    await revoke(here.url, { jti: 'before' });
    const primary = await cluster.ownerOf(slotOfSub(sub));
    await primary.kill9();
    // Meanwhile 503 or, of what is known, 200; never 401, which would sign out.
    const seen = new Set<number>();
    const asked = (async () => {
      while (!goes.isOver) {
        for (const server of [here, there]) seen.add(await statusOf(server, kept.headers));
        await sleep(LOOK_MS);
      }
    })();
    await waitFor(async () => (await askToRevoke(here.url, { sub })).status === 204, {
      what: 'it to be revoked',
      everyMs: LOOK_MS,
    });
    await goes.over();
    await asked;
    assert.match(goes.text, REVOKED);
    assert.deepEqual(
      [...seen].filter((status) => status !== 200 && status !== 503),
      [],
    );
    assert.equal(stays.isOver, false, stays.text);
    for (const server of [here, there]) {
      await waitFor(async () => (await statusOf(server, kept.headers)) === 200, { what: 'the other to be let in' });
      assert.equal(await statusOf(server, session.headers), 401);
      assert.equal(await statusOf(server, tokenOf('any', { jti: 'before' })), 401);
    }
    stays.leave();
  });
});

/** What is revoked elsewhere is found out, also when nobody tells; and who cannot look lets nobody in, and signs nobody out. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { everybody } from '../../src/access/principal.ts';
import { groupOf, ownerKeyOf } from '../../src/access/sessions/session-key.ts';
import { settle } from '../support/gateway-parts.ts';
import { codeOf, follow, LIFE_MS, openBench, WALL_MS } from '../support/revocation-bench.ts';

describe('a revocation', () => {
  it('that nobody told of is looked up within 10 s: what is open ends, and what is remembered is good no more', async (t) => {
    using bench = openBench(t);
    const [here, there] = bench.nodes;
    there.store.isHeard = false;
    const [mine, others] = [bench.identity('alice', { jti: 'one' }), bench.identity('bob', { jti: 'other' })];
    for (const identity of [mine, others]) assert.equal(await codeOf(there, identity), 'good');
    const told = [follow(mine), follow(others)];
    await bench.pass(2_000);
    await here.revocations.revoke({ jti: 'one' });
    await settle();
    assert.ok(there.revocations.isGood(mine), 'it cannot know yet');
    await bench.pass(9_500);
    assert.deepEqual(told, [['token_revoked'], []]);
    assert.ok(!there.revocations.isGood(mine));
    assert.ok(there.revocations.isGood(others));
    await here.revocations.revoke({ sub: 'bob', beforeS: bench.nowS() });
    await bench.pass(9_500);
    assert.deepEqual(told, [['token_revoked'], ['token_revoked']]);
  });

  it('that is told ends what is open at once, and nobody twice, nor who has left', async (t) => {
    using bench = openBench(t);
    const [here, there] = bench.nodes;
    const identity = bench.identity('alice');
    await there.revocations.check(identity);
    const told: number[] = [];
    const followers = [0, 1, 2].map((i) => ({ renewed: () => undefined, ended: () => void told.push(i) }));
    for (const follower of followers) identity.follow(follower, everybody);
    identity.leave(followers[1]!);
    await here.revocations.revoke({ sub: 'alice', beforeS: bench.nowS() });
    await settle();
    assert.deepEqual(told, [0, 2]);
    for (const follower of followers) identity.leave(follower);
    await here.revocations.revoke({ sub: 'alice', beforeS: bench.nowS() });
    await settle();
    assert.deepEqual(told, [0, 2]);
  });

  it('that comes while something is being opened ends that', async (t) => {
    using bench = openBench(t);
    const [here, there] = bench.nodes;
    const identity = bench.identity('alice');
    await there.revocations.check(identity);
    await here.revocations.revoke({ sub: 'alice', beforeS: bench.nowS() });
    await settle();
    const told = follow(identity);
    await settle();
    assert.deepEqual(told, ['token_revoked']);
  });

  it('cannot be missed where the store is away: within 10 s nobody is let in, and what is open goes on', async (t) => {
    using bench = openBench(t);
    const [here, there] = bench.nodes;
    const [mine, others] = [bench.identity('alice'), bench.identity('bob')];
    for (const identity of [mine, others]) assert.equal(await codeOf(there, identity), 'good');
    const told = [follow(mine), follow(others)];
    await bench.pass(6_000);
    there.store.isAway = true;
    await here.revocations.revoke({ sub: 'alice', beforeS: bench.nowS() });
    await bench.pass(10_000);
    assert.ok(!there.revocations.isGood(mine));
    assert.ok(!there.revocations.isGood(others));
    for (const identity of [mine, others]) assert.equal(await codeOf(there, identity), 'auth_unavailable');
    await assert.rejects(there.revocations.revoke({ jti: 'x' }), { code: 'auth_unavailable' });
    await bench.pass(120_000, 60_000);
    assert.deepEqual(told, [[], []]);
    there.store.isAway = false;
    // Whoever comes first asks.
    assert.equal(await codeOf(there, bench.identity('alice')), 'token_revoked');
    assert.equal(await codeOf(there, others), 'good');
    await bench.pass(5_500);
    assert.deepEqual(told, [['token_revoked'], []]);
    assert.ok(there.revocations.isGood(others));
  });

  it('is known to one that starts later; and one that starts without the store lets nobody in', async (t) => {
    using bench = openBench(t);
    const [here] = bench.nodes;
    await here.revocations.revoke({ sub: 'alice', beforeS: bench.nowS() });
    const late = bench.start();
    assert.ok(!late.revocations.isGood(bench.identity('alice')));
    assert.equal(await codeOf(late, bench.identity('alice')), 'token_revoked');
    const alone = bench.start();
    alone.store.isAway = true;
    assert.equal(await codeOf(alone, bench.identity('bob')), 'auth_unavailable');
    alone.store.isAway = false;
    await bench.pass(5_500);
    assert.ok(alone.revocations.isGood(bench.identity('bob')));
    assert.ok(!alone.revocations.isGood(bench.identity('alice')));
  });

  it('of a sub is of what was issued before its time; a second one never takes back the first', async (t) => {
    using bench = openBench(t);
    const [here, there] = bench.nodes;
    const beforeS = bench.nowS() - 100;
    await here.revocations.revoke({ sub: 'alice', beforeS });
    await there.revocations.revoke({ sub: 'alice', beforeS: beforeS - 50 });
    await settle();
    for (const node of bench.nodes) {
      assert.equal(await codeOf(node, bench.identity('alice', { issuedS: beforeS - 1 })), 'token_revoked');
      assert.equal(await codeOf(node, bench.identity('alice')), 'token_revoked');
      assert.equal(await codeOf(node, bench.identity('alice', { issuedS: beforeS, jti: 'alice' })), 'good');
      assert.equal(await codeOf(node, bench.identity('constructor', { jti: '__proto__' })), 'good');
    }
  });

  it('is kept for as long as the longest token that it may concern, and no longer', async (t) => {
    using bench = openBench(t);
    const [here, there] = bench.nodes;
    await here.revocations.revoke({ jti: 'one' });
    const identity = () => bench.identity('alice', { jti: 'one' });
    await bench.pass(LIFE_MS, LIFE_MS);
    assert.equal(await codeOf(there, identity()), 'token_revoked');
    assert.equal(await codeOf(bench.start(), identity()), 'token_revoked');
    await bench.pass(240_000, 240_000);
    for (const node of [here, there, bench.start()]) {
      assert.equal(await codeOf(node, identity()), 'good');
      assert.equal(node.revocations.size, 0);
    }
  });

  it('is one of 1,000 of its page, and who asks for more is told so', async (t) => {
    using bench = openBench(t);
    const [here] = bench.nodes;
    const untilMs = (bench.nowS() + 60) * 1000;
    for (let group = 0; group < 16; group++) {
      const page = Array.from({ length: 1_000 }, (_, i) => ['jti', `${group}-${i}`, 0, untilMs]);
      await bench.shared.write(group, [{ name: `v:${group}`, after: JSON.stringify(page), ttlMs: LIFE_MS }], []);
    }
    await assert.rejects(here.revocations.revoke({ jti: 'one more' }), { code: 'revocations_full' });
    // The first of them are over.
    await bench.pass(90_000, 30_000);
    await here.revocations.revoke({ jti: 'one more' });
    assert.equal(await codeOf(here, bench.identity('alice', { jti: 'one more' })), 'token_revoked');
  });

  it('is in one of 16 pages, which fill evenly', () => {
    const pages = Array<number>(16).fill(0);
    for (let i = 0; i < 10_000; i++) pages[groupOf(ownerKeyOf(`user-${i}@example.org`))]!++;
    assert.ok(Math.max(...pages) < 800, `${pages}`);
  });

  it('that nobody can read is none, and harms no other', async (t) => {
    using bench = openBench(t);
    const [here, there] = bench.nodes;
    await here.revocations.revoke({ sub: 'alice', beforeS: bench.nowS() });
    const far = WALL_MS * 2;
    const good = ['sub', 'bob', bench.nowS(), far];
    const bad = [null, 7, [], {}, ['sub'], ['sub', 7, 1, far], ['x', 'bob', 1, far], ['jti', 'one', 1, 'x'], good];
    for (const text of ['{', 'null', '7', '{"a":1}', JSON.stringify(bad)]) {
      for (let group = 0; group < 16; group++) {
        await bench.shared.write(group, [{ name: `v:${group}`, after: text, ttlMs: LIFE_MS }], []);
      }
      const node = bench.start();
      assert.equal(await codeOf(node, bench.identity('carol', { jti: 'one' })), 'good');
      if (text.startsWith('[')) assert.equal(await codeOf(node, bench.identity('bob')), 'token_revoked');
      await there.revocations.revoke({ sub: 'alice', beforeS: bench.nowS() });
      assert.equal(await codeOf(there, bench.identity('alice')), 'token_revoked');
    }
  });
});

/** Many at once: those who are followed are looked through in slices, a page of revocations has its bound, and a process says how much it knows. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Follower } from '../../src/access/access.ts';
import { everybody } from '../../src/access/principal.ts';
import { RevocableIdentity } from '../../src/access/revocable.ts';
import { Followed } from '../../src/access/revocations/followed.ts';
import { groupOf, ownerKeyOf } from '../../src/access/sessions/session-key.ts';
import { settle } from '../support/gateway-parts.ts';
import { codeOf, LIFE_MS, openBench } from '../support/revocation-bench.ts';

const COUNT = 20_000;
/** Looked at in a turn: some thousands take a millisecond. */
const PER_TURN_MAX = 2_000;

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
const pageOfSub = (sub: string) => groupOf(ownerKeyOf(sub));

/** Of the same page as `alice`. */
function subsOfOnePage(count: number): string[] {
  const found: string[] = [];
  for (let i = 0; found.length < count; i++) if (pageOfSub(`user-${i}`) === pageOfSub('alice')) found.push(`user-${i}`);
  return found;
}

describe('those who are followed', () => {
  it(`all ${COUNT} are looked at, no more than some in a turn, whoever comes and goes meanwhile`, async () => {
    let looked = 0;
    const followed = new Followed((one) => {
      looked++;
      return one.jti === 'revoked';
    });
    const ended: RevocableIdentity[] = [];
    const come = (jti: string): RevocableIdentity => {
      const one = new RevocableIdentity({ sub: 'alice', expiresMs: 1, issuedS: 0, jti });
      one.follow({ renewed: () => undefined, ended: () => void ended.push(one) }, everybody);
      followed.add(one);
      return one;
    };
    const all = Array.from({ length: COUNT }, (_, i) => come(i % 100 === 99 ? 'revoked' : 'good'));
    followed.look();
    const perTurn = [looked];
    followed.delete(all[COUNT - 1]!);
    const late = come('revoked');
    for (let before = looked; before < COUNT; before = looked) {
      await turn();
      perTurn.push(looked - before);
      assert.ok(looked > before, `no more than ${looked} are looked at`);
    }
    assert.ok(Math.max(...perTurn) <= PER_TURN_MAX, `${perTurn}`);
    assert.equal(new Set(ended).size, ended.length, 'nobody is told twice');
    assert.equal(ended.length, COUNT / 100);
    assert.ok(ended.includes(late) && !ended.includes(all[COUNT - 1]!));
  });

  it('what is revoked in the middle of it ends who was looked at already, and cuts nothing short', async () => {
    const revoked = new Set<string>(['last']);
    const followed = new Followed(({ jti }) => revoked.has(jti!));
    const ended: string[] = [];
    for (let i = 0; i < COUNT; i++) {
      const jti = i === 0 ? 'first' : i === COUNT - 1 ? 'last' : 'good';
      const one = new RevocableIdentity({ sub: 'alice', expiresMs: 1, issuedS: 0, jti });
      one.follow({ renewed: () => undefined, ended: () => void ended.push(jti) }, everybody);
      followed.add(one);
    }
    followed.look();
    // One each turn, for longer than a look takes.
    for (let i = 0; i < 30; i++) {
      if (i === 2) revoked.add('first');
      await turn();
      followed.look();
    }
    assert.deepEqual([...new Set(ended)].sort(), ['first', 'last']);
  });

  it('of a page that changed all who are concerned end, and of thousands no other', async (t) => {
    using bench = openBench(t);
    const [here, there] = bench.nodes;
    const told = { mine: 0, others: 0 };
    for (let i = 0; i < 5_000; i++) {
      const whose = i % 2 === 0 ? 'mine' : 'others';
      const identity = bench.identity(whose, { jti: `id-${i}` });
      assert.equal(there.revocations.isGood(identity) || (await codeOf(there, identity)) === 'good', true);
      const follower: Follower = {
        renewed: () => undefined,
        ended() {
          told[whose]++;
          identity.leave(follower);
        },
      };
      identity.follow(follower, everybody);
    }
    await here.revocations.revoke({ sub: 'mine', beforeS: bench.nowS() });
    await settle();
    assert.deepEqual(told, { mine: 2_500, others: 0 });
  });
});

describe('a page of revocations', () => {
  it('takes 1,000 and not one more; others go on, and so does what is on it already', async (t) => {
    using bench = openBench(t);
    const [here, there] = bench.nodes;
    const [last, over, ...others] = subsOfOnePage(1_001) as [string, string, ...string[]];
    const untilMs = (bench.nowS() + 300) * 1000;
    const group = pageOfSub('alice');
    const page = others.map((sub) => ['sub', sub, 1, untilMs]);
    await bench.shared.write(group, [{ name: `v:${group}`, after: JSON.stringify(page), ttlMs: LIFE_MS }], []);
    const beforeS = bench.nowS();
    await here.revocations.revoke({ sub: last, beforeS });
    await assert.rejects(here.revocations.revoke({ sub: over, beforeS }), { code: 'revocations_full' });
    for (const [sub, code] of [
      [last, 'token_revoked'],
      [over, 'good'],
    ] as const) {
      for (const node of bench.nodes) assert.equal(await codeOf(node, bench.identity(sub)), code);
    }
    await settle();
    await bench.pass(500);
    for (const { state } of bench.nodes) assert.deepEqual([state.kept, state.fullestPage], [1_000, 1_000]);
    // The same once more is no further line: neither of what is there, nor with a later time.
    await there.revocations.revoke({ sub: last, beforeS: bench.nowS() });
    const jti = Array.from({ length: 100 }, (_, i) => `jti-${i}`).find(
      (name) => groupOf(ownerKeyOf(`jti\n${name}`)) !== group,
    )!;
    await there.revocations.revoke({ jti });
    await settle();
    await bench.pass(500);
    for (const { state } of bench.nodes) assert.deepEqual([state.kept, state.fullestPage], [1_001, 1_000]);
    // Those that were there first are over.
    await bench.pass(310_000, 10_000);
    await here.revocations.revoke({ sub: over, beforeS });
    assert.equal(await codeOf(there, bench.identity(over)), 'token_revoked');
    assert.equal(await codeOf(there, bench.identity(others[0]!)), 'good');
  });
});

describe('a process', () => {
  it('says how much it knows, and since when it has not looked', async (t) => {
    using bench = openBench(t);
    const [here, there] = bench.nodes;
    await here.revocations.revoke({ jti: 'one' });
    await bench.pass(20_000);
    for (const { state } of bench.nodes) {
      assert.deepEqual([state.kept, state.fullestPage], [1, 1]);
      assert.ok(state.heardAgoS <= 5, `${state.heardAgoS} s`);
    }
    there.store.isAway = true;
    await bench.pass(20_000);
    assert.ok(there.state.heardAgoS >= 20 && there.state.heardAgoS <= 25, `${there.state.heardAgoS} s`);
    assert.ok(here.state.heardAgoS <= 5);
    there.store.isAway = false;
    await bench.pass(6_000);
    assert.ok(there.state.heardAgoS <= 5);
  });
});

/** What happens to a session elsewhere is found out, also when nobody tells; and a store that cannot be asked is never a reason to sign out. */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { Access, Follower, Principal } from '../../src/access/access.ts';
import { anonymousAccess } from '../../src/access/anonymous.ts';
import { parseGrants } from '../../src/access/grants.ts';
import { GrantedPrincipal } from '../../src/access/principal.ts';
import { createRevocations } from '../../src/access/revocations/revocations.ts';
import { createMemoryPasses } from '../../src/access/sessions/memory-store.ts';
import type { PassStore } from '../../src/access/sessions/pass-store.ts';
import { createSessionAccess } from '../../src/access/sessions/session-access.ts';
import { EngineUnavailable, type Problem } from '../../src/errors.ts';
import { settle } from '../support/gateway-parts.ts';

const LIFE_MS = 600_000;

interface Node {
  readonly access: Access;
  /** What the store does when this one asks. */
  store: { isAway: boolean; isHeard: boolean };
}

interface Bench extends Disposable {
  readonly nodes: readonly [Node, Node];
  pass(ms: number): Promise<void>;
  principal(subscribe: readonly string[], expiresMs?: number): Principal;
}

function open({ mock }: TestContext): Bench {
  mock.timers.enable({ apis: ['setInterval'] });
  let nowMs = 1_000_000;
  const clock = { wallMs: () => 1.7e12 + nowMs, elapsedMs: () => nowMs };
  const shared = createMemoryPasses(clock);
  const nobody = {
    ...anonymousAccess,
    recall: () => undefined,
    identify: () => assert.fail(),
  };

  function node(): Node {
    const state = { isAway: false, isHeard: true };
    const asked = <T>(ask: () => Promise<T>) => (state.isAway ? Promise.reject(new EngineUnavailable('away')) : ask());
    const store: PassStore = {
      read: (...args) => asked(() => shared.read(...args)),
      write: (...args) => asked(() => shared.write(...args)),
      news: (...args) => asked(() => shared.news(...args)),
      listen: (listener) =>
        shared.listen({ ...listener, changed: (key) => state.isHeard && !state.isAway && listener.changed(key) }),
    };
    const revocations = createRevocations({ store, clock, maxLifetimeMs: LIFE_MS });
    const access = createSessionAccess({
      ...{ tokens: nobody, store, clock, revocations },
      ...{ maxPerSub: 20, maxLifetimeMs: LIFE_MS },
    });
    return { access, store: state };
  }

  const nodes = [node(), node()] as const;
  return {
    nodes,
    async pass(ms) {
      for (let step = 0; step < ms; step += 1_000) {
        nowMs += 1_000;
        mock.timers.tick(1_000);
        await settle();
      }
    },
    principal(subscribe, expiresMs = clock.wallMs() + LIFE_MS) {
      const grants = parseGrants({ subscribe });
      if (typeof grants === 'string') assert.fail(grants);
      return new GrantedPrincipal({ identity: { sub: 'alice', expiresMs }, grants, names: new Set(['alice']) });
    },
    [Symbol.dispose]() {
      for (const { access } of nodes) access.close();
      mock.timers.reset();
    },
  };
}

const cookieIn = (field: string) => field.split(';', 1)[0]!;
const identified = async (access: Access, cookie: string) => access.identify(['Cookie', cookie]);
const codeOf = (access: Access, cookie: string) =>
  identified(access, cookie).then(
    () => 'good',
    (error: Problem) => error.code,
  );

function follow(principal: Principal): string[] {
  const told: string[] = [];
  const follower: Follower = {
    renewed: (now) => void told.push(now.refusal('subscribe', ['a.1']) ? 'narrowed' : 'renewed'),
    ended: ({ code }) => void told.push(code),
  };
  principal.identity.follow!(follower, principal);
  return told;
}

/** As the shortcut asks: without waiting. */
function recalled(access: Access, cookie: string): boolean {
  const chunk = Buffer.from(`x${cookie}`);
  return access.recall(chunk, 0, 0, 1.7e12 + 1_000_000, 1, chunk.length) !== undefined;
}

describe('a session', () => {
  it('that nobody told of is looked up within 10 s: renewed, narrowed, ended', async (t) => {
    using bench = open(t);
    const [here, there] = bench.nodes;
    there.store.isHeard = false;
    const cookie = cookieIn(await here.access.sessions!.open(bench.principal(['a.*']), undefined));
    const told = follow(await identified(there.access, cookie));
    await bench.pass(2_000);
    await here.access.sessions!.open(bench.principal(['a.*']), cookie);
    await bench.pass(9_000);
    assert.deepEqual(told, ['renewed']);
    await here.access.sessions!.open(bench.principal(['b.*']), cookie);
    await bench.pass(9_000);
    assert.deepEqual(told, ['renewed', 'narrowed']);
    await here.access.sessions!.close(cookie);
    await bench.pass(9_000);
    assert.deepEqual(told, ['renewed', 'narrowed', 'session_ended']);
    assert.equal(await codeOf(there.access, cookie), 'session_ended');
  });

  it('that was known without asking is not any more within 10 s of its end', async (t) => {
    using bench = open(t);
    const [here, there] = bench.nodes;
    there.store.isHeard = false;
    const cookie = cookieIn(await here.access.sessions!.open(bench.principal(['a.*']), undefined));
    assert.equal(await codeOf(there.access, cookie), 'good');
    assert.ok(recalled(there.access, cookie));
    await here.access.sessions!.close(cookie);
    assert.ok(recalled(there.access, cookie));
    await bench.pass(9_000);
    assert.ok(!recalled(there.access, cookie));
  });

  it('goes on while the store is away, and is not let in anew: 503, never 401', async (t) => {
    using bench = open(t);
    const [here, there] = bench.nodes;
    const cookie = cookieIn(await here.access.sessions!.open(bench.principal(['a.*']), undefined));
    const told = follow(await identified(there.access, cookie));
    there.store.isAway = true;
    assert.ok(recalled(there.access, cookie));
    await bench.pass(12_000);
    assert.ok(!recalled(there.access, cookie));
    await bench.pass(120_000);
    assert.deepEqual(told, []);
    assert.equal(await codeOf(there.access, cookie), 'auth_unavailable');
    assert.equal(await codeOf(there.access, `__Host-sc=${'A'.repeat(22)}`), 'auth_unavailable');
    for (const asked of [
      there.access.sessions!.open(bench.principal(['a.*']), cookie),
      there.access.sessions!.open(bench.principal(['a.*']), undefined),
      there.access.sessions!.close(cookie),
    ]) {
      await assert.rejects(asked, { code: 'auth_unavailable' });
    }
    await here.access.sessions!.close(cookie);
    there.store.isAway = false;
    await bench.pass(9_000);
    assert.deepEqual(told, ['session_ended']);
  });

  it('that ends while something is being opened with it ends that', async (t) => {
    using bench = open(t);
    const [here, there] = bench.nodes;
    const cookie = cookieIn(await here.access.sessions!.open(bench.principal(['a.*']), undefined));
    const principal = await identified(there.access, cookie);
    await here.access.sessions!.close(cookie);
    await settle();
    const told = follow(principal);
    await settle();
    assert.deepEqual(told, ['session_ended']);
  });

  it('that becomes another while something is being opened with it tells that', async (t) => {
    using bench = open(t);
    const [here, there] = bench.nodes;
    const cookie = cookieIn(await here.access.sessions!.open(bench.principal(['a.*']), undefined));
    const principal = await identified(there.access, cookie);
    await here.access.sessions!.open(bench.principal(['b.*']), cookie);
    await settle();
    const told = follow(principal);
    await settle();
    assert.deepEqual(told, ['narrowed']);
    // Also where it cannot be read in that moment.
    const again = await identified(there.access, cookie);
    await here.access.sessions!.open(bench.principal(['c.*']), cookie);
    await settle();
    there.store.isAway = true;
    const later = follow(again);
    await settle();
    assert.deepEqual(later, []);
    there.store.isAway = false;
    await bench.pass(9_000);
    assert.deepEqual(later, ['narrowed']);
  });

  it('tells nobody who has left', async (t) => {
    using bench = open(t);
    const [here, there] = bench.nodes;
    const cookie = cookieIn(await here.access.sessions!.open(bench.principal(['a.*']), undefined));
    const principal = await identified(there.access, cookie);
    const { identity } = principal;
    const told: number[] = [];
    const followers = [0, 1, 2].map((i) => ({ renewed: () => undefined, ended: () => void told.push(i) }));
    for (const follower of followers) identity.follow!(follower, principal);
    identity.leave!(followers[1]!);
    await here.access.sessions!.close(cookie);
    await settle();
    assert.deepEqual(told, [0, 2]);
  });
});

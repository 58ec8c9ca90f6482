/** Processes that share a store, each with what it knows of revocations, over a clock of the test's own. */
import type { TestContext } from 'node:test';
import type { Follower } from '../../src/access/access.ts';
import { everybody } from '../../src/access/principal.ts';
import { RevocableIdentity } from '../../src/access/revocable.ts';
import {
  createRevocations,
  type Revocations,
  type RevocationsState,
} from '../../src/access/revocations/revocations.ts';
import { createMemoryPasses } from '../../src/access/sessions/memory-store.ts';
import type { PassStore } from '../../src/access/sessions/pass-store.ts';
import { EngineUnavailable, type Problem } from '../../src/errors.ts';
import { settle } from './gateway-parts.ts';

export const LIFE_MS = 600_000;
export const WALL_MS = 1.7e12;

export interface Node {
  readonly revocations: Revocations;
  /** What the store does when this one asks. */
  readonly store: { isAway: boolean; isHeard: boolean };
  /** What it has said of itself last. */
  state: RevocationsState;
}

export interface Bench extends Disposable {
  readonly nodes: readonly [Node, Node];
  readonly shared: PassStore;
  start(): Node;
  pass(ms: number, stepMs?: number): Promise<void>;
  nowS(): number;
  /** Of a token; without `jti` and `iat` of one that has neither. */
  identity(sub: string, more?: { jti?: string; issuedS?: number }): RevocableIdentity;
}

export function openBench({ mock }: TestContext): Bench {
  mock.timers.enable({ apis: ['setInterval'] });
  let nowMs = 1_000_000;
  const clock = { wallMs: () => WALL_MS + nowMs, elapsedMs: () => nowMs };
  const shared = createMemoryPasses(clock);
  const all: Node[] = [];

  function start(): Node {
    const state = { isAway: false, isHeard: true };
    const asked = <T>(ask: () => Promise<T>) => (state.isAway ? Promise.reject(new EngineUnavailable('away')) : ask());
    const store: PassStore = {
      read: (...args) => asked(() => shared.read(...args)),
      write: (...args) => asked(() => shared.write(...args)),
      news: (...args) => asked(() => shared.news(...args)),
      listen: (listener) =>
        shared.listen({ ...listener, changed: (key) => state.isHeard && !state.isAway && listener.changed(key) }),
    };
    const onState = (told: RevocationsState) => {
      node.state = told;
    };
    const node: Node = {
      revocations: createRevocations({ store, clock, maxLifetimeMs: LIFE_MS, onState }),
      store: state,
      state: { kept: 0, fullestPage: 0, heardAgoS: 0 },
    };
    all.push(node);
    return node;
  }

  return {
    ...{ nodes: [start(), start()], shared, start },
    async pass(ms, stepMs = 500) {
      for (let passed = 0; passed < ms; passed += stepMs) {
        nowMs += stepMs;
        mock.timers.tick(stepMs);
        await settle();
      }
    },
    nowS: () => clock.wallMs() / 1000,
    identity: (sub, { jti = null, issuedS = 0 }: { jti?: string | null; issuedS?: number } = {}) =>
      new RevocableIdentity({ sub, expiresMs: clock.wallMs() + LIFE_MS, issuedS, jti }),
    [Symbol.dispose]() {
      for (const { revocations } of all) revocations.close();
      mock.timers.reset();
    },
  };
}

export const codeOf = ({ revocations }: Node, identity: RevocableIdentity) =>
  revocations.check(identity).then(
    () => 'good',
    (error: Problem) => error.code,
  );

export function follow(identity: RevocableIdentity): string[] {
  const told: string[] = [];
  const follower: Follower = {
    renewed: () => undefined,
    ended({ code }) {
      told.push(code);
      identity.leave(follower);
    },
  };
  identity.follow(follower, everybody);
  return told;
}

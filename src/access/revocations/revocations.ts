/**
 * Tokens that are good no more before their time, and all that stands for one: each process knows all of them.
 *
 * What is revoked is a line of a page, and there is a page for each group, by the hash of the `sub` or the `jti`: so a shard that is away
 * keeps out those whose page it has. A page that changed is news; what is not told is looked up every 5 s (`session-news.ts`).
 *
 * Invariant: nobody is let in by a page that is not known, or was not looked at for 9 s. What is open then goes on.
 */
import type { Clock } from '../../clock.ts';
import { EngineUnavailable, Problem } from '../../errors.ts';
import type { Follower, Identity } from '../access.ts';
import { revokedToken } from '../refused-token.ts';
import { type FollowedWatch, type Issued, RevocableIdentity } from '../revocable.ts';
import type { PassStore } from '../sessions/pass-store.ts';
import { GROUPS, groupOf, ownerKeyOf, revokedKeyOf } from '../sessions/session-key.ts';
import { createSessionNews, type Watched } from '../sessions/session-news.ts';
import { tried } from '../sessions/tried.ts';
import { Followed } from './followed.ts';
import { Pages } from './pages.ts';
import { type RevocationWish, readPage, revocationOf, withRevocation, writePage } from './revocation.ts';

export interface Revocations {
  /** Whether it is known, without asking anybody, that it is not revoked. */
  isGood(identity: Identity): boolean;
  /** @throws {Problem} 401 or 503 */
  check(identity: Identity): Promise<void>;
  /** Whether it is known to be revoked. */
  has(issued: Issued): boolean;
  /** It is that of another token now. */
  became(identity: RevocableIdentity): void;
  /** On every node, within 10 s. @returns Until when it is kept, milliseconds since 1970. @throws {Problem} 503 */
  revoke(wish: RevocationWish): Promise<number>;
  /** Known here. */
  readonly size: number;
  close(): void;
}

/** What is known, for who watches the process. */
export interface RevocationsState {
  readonly kept: number;
  /** Of the page that has most. */
  readonly fullestPage: number;
  /** Since the page that was not looked at for longest was, seconds. */
  readonly heardAgoS: number;
}

export interface RevocationsDeps {
  readonly store: PassStore;
  readonly clock: Clock;
  /** `TOKEN_MAX_LIFETIME_S`, milliseconds. */
  readonly maxLifetimeMs: number;
  /** Told twice a second. */
  readonly onState?: (state: RevocationsState) => void;
}

/** Of a page: 16 have 10,000 at least, however these are spread. */
const PAGE_MAX = 1_000;
/** Clocks differ, and a session is kept a minute longer than its token. */
const SLACK_MS = 120_000;
/** How often it is looked whether what is known may still be relied on. With the 9 s it is less than 10 s. */
const LOOK_MS = 500;
const SWEEP_LOOKS = 120;

const UNAVAILABLE = 'What was revoked cannot be looked up now: send the very same again.';
const FULL =
  'There are as many revocations as are kept: the first of them ends TOKEN_MAX_LIFETIME_S after it was made.';

interface Read {
  /** It may have changed since it was asked for. */
  isLate: boolean;
  done: Promise<void>;
}

export function createRevocations({ store, clock, maxLifetimeMs, onState }: RevocationsDeps): Revocations {
  const pages = new Pages();
  const isRead = Array<boolean>(GROUPS).fill(false);
  const wasHeard = Array<boolean>(GROUPS).fill(false);
  const texts = Array<string | null>(GROUPS).fill(null);
  const reads = new Map<number, Read>();
  const followed = new Followed((one) => pages.has(one));
  /** Another whenever somebody that was good may be so no more. */
  let generation = 1;
  let looks = 0;

  async function readOnce(group: number, reading: Read): Promise<void> {
    try {
      do {
        reading.isLate = false;
        const [text = null] = await store.read(group, [pageName(group)]);
        isRead[group] = true;
        if (text === texts[group]) continue;
        texts[group] = text;
        pages.set(group, readPage(text, clock.wallMs()));
        generation++;
        followed.look();
      } while (reading.isLate);
    } finally {
      reads.delete(group);
    }
  }

  function read(group: number): Promise<void> {
    const underWay = reads.get(group);
    if (underWay !== undefined) {
      underWay.isLate = true;
      return underWay.done;
    }
    const reading = { isLate: false } as Read;
    reads.set(group, reading);
    reading.done = readOnce(group, reading);
    return reading.done;
  }

  const watched: Watched = {
    async changed(key) {
      if (key === revokedKeyOf(groupOf(key))) await read(groupOf(key));
    },
    allChanged: read,
    hasAny: () => true,
    retry() {
      for (const [group, done] of isRead.entries()) if (!done) learn(group).catch(() => undefined);
    },
  };
  const news = createSessionNews({ store, watched: [watched], clock });

  const isHeard = (group: number) => isRead[group]! && news.isHeard(group);

  /** What is told from then on is read again; so it is read after that. */
  async function learn(group: number): Promise<void> {
    await news.ready(group);
    if (!isHeard(group)) await (reads.get(group)?.done ?? read(group));
  }

  function isAllHeard(identity: Issued): boolean {
    return wasHeard.every(Boolean) || groupsOf(identity).every(isHeard);
  }

  /** @returns Whether it is known that it is good. */
  function isGood(identity: Identity): boolean {
    if (!(identity instanceof RevocableIdentity)) return true;
    if (identity.seen === generation) return true;
    if (!isAllHeard(identity) || pages.has(identity)) return false;
    identity.seen = generation;
    identity.watch = watch;
    return true;
  }

  const watch: FollowedWatch = {
    followed(one, by: Follower) {
      followed.add(one);
      // It was revoked while whoever follows was being opened.
      if (one.seen !== generation && pages.has(one)) {
        queueMicrotask(() => one.isFollowedBy(by) && by.ended(revokedToken()));
      }
    },
    left: (one) => void followed.delete(one),
  };

  function lookAround(): void {
    for (let group = 0; group < GROUPS; group++) {
      const now = isHeard(group);
      if (wasHeard[group] && !now) generation++;
      wasHeard[group] = now;
    }
    if (++looks % SWEEP_LOOKS === 0) pages.sweep(clock.wallMs());
    const heardAgoS = Math.max(...isRead.map((_, group) => news.heardAgoMs(group))) / 1000;
    onState?.({ kept: pages.size, fullestPage: pages.fullest, heardAgoS });
  }

  const timer = setInterval(lookAround, LOOK_MS).unref();
  watched.retry!();

  return {
    isGood,
    async check(identity) {
      if (isGood(identity) || !(identity instanceof RevocableIdentity)) return;
      await Promise.all(groupsOf(identity).map((group) => isHeard(group) || learn(group))).catch(unavailable);
      if (pages.has(identity)) throw revokedToken();
      identity.watch = watch;
    },
    has: (issued) => pages.has(issued),
    became(identity) {
      if (identity.isFollowed && pages.has(identity)) identity.end(revokedToken());
    },
    async revoke(wish) {
      const group = 'jti' in wish ? groupOfJti(wish.jti) : groupOfSub(wish.sub);
      const untilMs = clock.wallMs() + maxLifetimeMs + SLACK_MS;
      await tried('revocations are', async () => {
        const [text = null] = await store.read(group, [pageName(group)]);
        const page = withRevocation(readPage(text, clock.wallMs()), revocationOf(wish, untilMs));
        if (page.length > PAGE_MAX) throw new Problem('revocations_full', FULL);
        const ttlMs = Math.max(...page.map((one) => one.untilMs)) - clock.wallMs();
        const change = { name: pageName(group), before: text, after: writePage(page), ttlMs };
        return (await store.write(group, [change], [revokedKeyOf(group)])) || undefined;
      }).catch(unavailable);
      // Here at once; should that fail, it will be told.
      await read(group).catch(() => undefined);
      return untilMs;
    },
    get size() {
      return pages.size;
    },
    close() {
      clearInterval(timer);
      news.close();
    },
  };
}

function unavailable(error: unknown): never {
  throw error instanceof EngineUnavailable ? new Problem('auth_unavailable', UNAVAILABLE) : error;
}

const pageName = (group: number) => `v:${group}`;
const groupOfSub = (sub: string) => groupOf(ownerKeyOf(sub));
const groupOfJti = (jti: string) => groupOf(ownerKeyOf(`jti\n${jti}`));

function groupsOf({ sub, jti }: Issued): number[] {
  return jti === null ? [groupOfSub(sub)] : [groupOfSub(sub), groupOfJti(jti)];
}

/**
 * The sessions that this process has to do with, each as the store has it, or had it a moment ago.
 *
 * Invariant: a session is known before it is read, so that whatever changes it after the read is news (`session-news.ts`), and is read again;
 * and one that somebody follows stays known.
 */
import type { Clock } from '../../clock.ts';
import type { Revocations } from '../revocations/revocations.ts';
import { LocalSession, SessionPrincipal } from './local-session.ts';
import type { PassStore } from './pass-store.ts';
import { groupOf } from './session-key.ts';
import type { Watched } from './session-news.ts';
import { readRecord, type SessionRecord } from './session-record.ts';

export interface KnownSessions extends Watched {
  /** As the store has it now; undefined where it has none. @throws {EngineUnavailable} */
  find(key: string): Promise<FoundSession | undefined>;
  /** Forgets those that nobody follows, but for these. */
  forget(except: ReadonlySet<LocalSession>): void;
}

export interface FoundSession {
  readonly principal: SessionPrincipal;
  readonly session: LocalSession;
}

interface Look {
  /** It may have changed since it was asked for. */
  isLate: boolean;
  done: Promise<SessionRecord | undefined>;
}

/** Read at once where all may have changed. */
const LOOKS_AT_ONCE = 50;

export function createKnownSessions(
  store: PassStore,
  clock: Clock,
  revocations: Pick<Revocations, 'became'>,
): KnownSessions {
  const known = new Map<string, LocalSession>();
  const ofGroup = new Map<number, number>();
  const looks = new Map<string, Look>();
  /** Known to have changed, and not read since. */
  const unread = new Set<string>();

  function count(key: string, more: 1 | -1): void {
    const group = groupOf(key);
    ofGroup.set(group, (ofGroup.get(group) ?? 0) + more);
  }

  function enter(key: string): void {
    if (known.has(key)) return;
    known.set(key, new LocalSession());
    count(key, 1);
  }

  function drop(key: string): void {
    if (known.delete(key)) count(key, -1);
  }

  function principalOf(key: string, session: LocalSession, { grants, names, stamp }: SessionRecord): SessionPrincipal {
    return new SessionPrincipal({ key, stamp, identity: session, grants, names, look: lookSoon });
  }

  /** Should it fail, it is tried again. */
  function lookSoon(key: string): void {
    look(key).catch(() => void unread.add(key));
  }

  function learn(key: string, record: SessionRecord | undefined): void {
    const session = known.get(key);
    if (session === undefined || record?.stamp === session.stamp) return;
    if (record === undefined) {
      drop(key);
      // What has expired ends in its time, and is told that.
      session.isGone(clock.wallMs() < session.expiresMs);
      return;
    }
    session.become(record);
    session.stamp = record.stamp;
    if (session.isFollowed) session.renewed(principalOf(key, session, record));
    revocations.became(session);
  }

  async function read(key: string, look: Look): Promise<SessionRecord | undefined> {
    try {
      for (;;) {
        look.isLate = false;
        const [text] = await store.read(groupOf(key), [key]);
        // What nobody can read is nobody's.
        const record = text == null ? undefined : readRecord(text);
        learn(key, record);
        if (!look.isLate) return record;
      }
    } finally {
      looks.delete(key);
    }
  }

  /** One at a time for each, so that what is learnt last is the newest. */
  function look(key: string): Promise<SessionRecord | undefined> {
    const underWay = looks.get(key);
    if (underWay !== undefined) {
      underWay.isLate = true;
      return underWay.done;
    }
    const one = { isLate: false } as Look;
    looks.set(key, one);
    one.done = read(key, one);
    return one.done;
  }

  return {
    async find(key) {
      enter(key);
      const record = await look(key).catch((error: unknown) => {
        const session = known.get(key);
        if (session?.isUnread && !session.isFollowed) drop(key);
        throw error;
      });
      const session = known.get(key);
      if (record === undefined || session === undefined || record.expiresMs <= clock.wallMs()) return undefined;
      return { principal: principalOf(key, session, record), session };
    },
    async changed(key) {
      if (known.has(key)) await look(key);
    },
    async allChanged(group) {
      const keys = [...known.keys()].filter((key) => groupOf(key) === group);
      for (let i = 0; i < keys.length; i += LOOKS_AT_ONCE) {
        await Promise.all(keys.slice(i, i + LOOKS_AT_ONCE).map(look));
      }
    },
    retry() {
      const keys = [...unread];
      unread.clear();
      for (const key of keys) if (known.has(key)) lookSoon(key);
    },
    hasAny: (group) => (ofGroup.get(group) ?? 0) > 0,
    forget(except) {
      for (const [key, session] of known) {
        if (session.isFollowed || looks.has(key) || except.has(session)) continue;
        drop(key);
        // Should somebody be about to follow it still, that one has to come again.
        session.isGone(false);
      }
    },
  };
}

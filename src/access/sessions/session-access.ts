/**
 * Access by the cookie of a session, which stands for a token that was verified until that expires, or by a ticket, where a request brings
 * no `Authorization`. Everything else is the tokens' (`tokens.ts`).
 */
import type { Clock } from '../../clock.ts';
import type { Access, Principal, SessionDesk } from '../access.ts';
import type { Revocations } from '../revocations/revocations.ts';
import { loneAt, sessionIdIn } from '../session-cookie.ts';
import { endedSession } from './ended-session.ts';
import { createKnownSessions, type FoundSession } from './known-sessions.ts';
import type { PassStore } from './pass-store.ts';
import { RecentSessions } from './recent-sessions.ts';
import { createSessionDesk, type SessionDeskDeps, sessionsUnavailable } from './session-desk.ts';
import { groupOf, keyOf } from './session-key.ts';
import { createSessionNews, type Watched } from './session-news.ts';
import { createTickets } from './tickets.ts';

export interface SessionAccessDeps
  extends Pick<SessionDeskDeps, 'maxPerSub' | 'maxLifetimeMs'>,
    Pick<SessionDesk, 'ask'> {
  readonly tokens: Access;
  readonly store: PassStore;
  readonly clock: Clock;
  readonly revocations: Revocations;
}

const SWEEP_MS = 30_000;

export function createSessionAccess({ tokens, store, clock, revocations, ask, ...limits }: SessionAccessDeps): Access {
  const { attempts } = tokens.limits;
  const known = createKnownSessions(store, clock, revocations);
  const watched: Watched[] = [known];
  const news = createSessionNews({ store, watched, clock });
  const tickets = createTickets({ store, clock, known, revocations, ready: (group) => news.ready(group) });
  watched.push(tickets);
  const recent = new RecentSessions();
  const sweeps = setInterval(() => {
    known.forget(recent.sweep());
    tickets.sweep();
  }, SWEEP_MS).unref();
  const desk = createSessionDesk({
    ...{ store, clock, ...limits },
    changed: (key) => known.changed(key),
    isRevoked: (record) => revocations.has(record),
  });

  function recallId(id: string, nowMs: number): Principal | undefined {
    const principal = recent.find(id, nowMs);
    if (principal === undefined || !news.isHeard(groupOf(id))) return undefined;
    return revocations.isGood(principal.identity) ? principal : undefined;
  }

  async function lookUp(id: string): Promise<FoundSession | undefined> {
    try {
      await news.ready(groupOf(id));
      return await known.find(keyOf(id));
    } catch (error) {
      throw sessionsUnavailable(error);
    }
  }

  async function find(id: string): Promise<Principal> {
    const found = await lookUp(id);
    if (found === undefined) throw endedSession();
    await revocations.check(found.session);
    recent.keep(id, found);
    return found.principal;
  }

  /** @param id null of what can be no session's. */
  async function tryId(id: string | null | undefined, ticket = ''): Promise<Principal> {
    if (id === null) throw endedSession();
    return id === undefined ? tickets.find(ticket).catch(refused) : find(id);
  }

  function refused(error: unknown): never {
    throw sessionsUnavailable(error);
  }

  return {
    limits: tokens.limits,
    recall(chunk, start, end, nowMs, cookieStart = 0, cookieEnd = 0) {
      if (start > 0 || cookieStart === 0) return tokens.recall(chunk, start, end, nowMs);
      // What is no id is not found, and need not be looked at for that.
      const id = loneAt(chunk, cookieStart, cookieEnd) ?? sessionIdIn(chunk.toString('latin1', cookieStart, cookieEnd));
      if (id === undefined) return tokens.recall(chunk, start, end, nowMs);
      return id === null ? undefined : recallId(id, nowMs);
    },
    endOfKnown: tokens.endOfKnown,
    identify(fields, address = '', ticket) {
      const cookie = cookieOf(fields);
      // `Authorization` says who it is.
      if (cookie === null) return tokens.identify(fields, address);
      const id = sessionIdIn(cookie);
      if (id === undefined && ticket === undefined) return tokens.identify(fields, address);
      const known = typeof id === 'string' ? recallId(id, clock.wallMs()) : undefined;
      return known ?? attempts.run(address, () => tryId(id, ticket));
    },
    revocations,
    sessions: {
      ...desk,
      async open(principal, cookie) {
        // What a backend has said of it may be some seconds old.
        await revocations.check(principal.identity);
        return desk.open(principal, cookie);
      },
      ...(ask && { ask: (question) => attempts.run(question.address, () => ask(question)) }),
      issue: (...asked) => tickets.issue(...asked).catch(refused),
    },
    close() {
      clearInterval(sweeps);
      news.close();
      revocations.close();
      tokens.close();
    },
  };
}

/** All `Cookie` fields as one; null where there is an `Authorization`. */
function cookieOf(fields: readonly string[]): string | null {
  const found: string[] = [];
  for (let i = 0; i < fields.length; i += 2) {
    switch (fields[i]!.length) {
      case 13:
        if (fields[i]!.toLowerCase() === 'authorization') return null;
        break;
      case 6:
        if (fields[i]!.toLowerCase() === 'cookie') found.push(fields[i + 1]!);
        break;
    }
  }
  return found.join(';');
}

/**
 * Tickets: for a stream whose client can send neither `Authorization` nor a cookie, such as an `EventSource` of another site. One stream
 * holds a ticket at a time: whoever uses it last.
 *
 *   issued ──30 s──► gone
 *     └──used──► held ──its stream has ended──► left ──60 s──► gone
 *                 ▲ └──used again: the first stream ends        │
 *                 └───────────────used again────────────────────┘
 *
 * Of a gateway that is killed nobody says that its streams have ended: their tickets are good until the token's end.
 */
import type { Clock } from '../../clock.ts';
import type { Channel } from '../../domain/channel.ts';
import { EngineUnavailable } from '../../errors.ts';
import type { Identity, IssuedTicket, Principal } from '../access.ts';
import { GrantedPrincipal, unauthenticated } from '../principal.ts';
import { issuedOf } from '../revocable.ts';
import type { Revocations } from '../revocations/revocations.ts';
import type { KnownSessions } from './known-sessions.ts';
import { SessionPrincipal } from './local-session.ts';
import type { PassStore } from './pass-store.ts';
import { groupOf, ID_PATTERN, keyOf, newId, ownerKeyOf } from './session-key.ts';
import type { Watched } from './session-news.ts';
import { TicketHold } from './ticket-hold.ts';
import { badTicket, replacedTicket, TicketPrincipal } from './ticket-principal.ts';
import { readTicket, type TicketRecord, writeTicket } from './ticket-record.ts';

export interface Tickets extends Watched {
  /** @throws {Problem} 401 */
  issue(principal: Principal, channels: readonly Channel[]): Promise<IssuedTicket>;
  /** Who brings it. @throws {Problem} 401 */
  find(id: string): Promise<Principal>;
  /** Gives back what is held for no stream. */
  sweep(): void;
}

export interface TicketsDeps {
  readonly store: PassStore;
  readonly clock: Clock;
  readonly known: KnownSessions;
  readonly revocations: Pick<Revocations, 'check'>;
  /** Resolves once news of the group will be known here. */
  readonly ready: (group: number) => Promise<void>;
}

const OPENS_FOR_MS = 30_000;
const LEFT_FOR_MS = 60_000;
const TRIES_MAX = 8;

interface Held {
  readonly hold: TicketHold;
  readonly sinceMs: number;
}

export function createTickets({ store, clock, known, revocations, ready }: TicketsDeps): Tickets {
  const held = new Map<string, Held>();
  /** Left, and not yet said so, because the store was away. */
  const unsaid = new Set<TicketHold>();

  async function read(key: string): Promise<{ text: string; record: TicketRecord } | undefined> {
    const [text = null] = await store.read(groupOf(key), [key]);
    const record = text === null ? undefined : readTicket(text);
    return record === undefined ? undefined : { text: text!, record };
  }

  /** Null of one that was made for a token. */
  async function sessionOf({ session, expiresMs }: TicketRecord): Promise<Principal | null> {
    const found = session === null ? null : await known.find(session);
    if (found === undefined || (found === null && expiresMs <= clock.wallMs())) throw badTicket();
    return found?.principal ?? null;
  }

  async function take(key: string, of: Identity, as: Principal): Promise<Identity> {
    for (let tries = 0; tries < TRIES_MAX; tries++) {
      const found = await read(key);
      if (found === undefined) throw badTicket();
      const holder = newId(groupOf(key));
      const hold = new TicketHold(key, holder, of, leave);
      // Known before it is written, so that nobody can take it unnoticed.
      const before = held.get(key);
      held.set(key, { hold, sinceMs: clock.elapsedMs() });
      const after = writeTicket({ ...found.record, holder });
      const ttlMs = Math.max(LEFT_FOR_MS, of.expiresMs - clock.wallMs());
      const isTaken = await store
        .write(groupOf(key), [{ name: key, before: found.text, after, ttlMs }], [key])
        .catch((error: unknown) => {
          putBack(key, hold, before);
          throw error;
        });
      if (isTaken) {
        hold.taken(as);
        before?.hold.ended(replacedTicket());
        return hold;
      }
      putBack(key, hold, before);
    }
    throw new EngineUnavailable('a ticket is used by too many at once');
  }

  function putBack(key: string, hold: TicketHold, before: Held | undefined): void {
    if (held.get(key)?.hold !== hold) return;
    if (before === undefined) held.delete(key);
    else held.set(key, before);
    // What was told of it meanwhile was not heard.
    changed(key).catch(() => undefined);
  }

  function leave(hold: TicketHold): void {
    if (held.get(hold.key)?.hold === hold) held.delete(hold.key);
    unsaid.add(hold);
    say(hold).catch(() => undefined);
  }

  /** Where another has it by now, it is that one's. */
  async function say(hold: TicketHold): Promise<void> {
    const found = await read(hold.key);
    if (found?.record.holder === hold.holder) {
      const change = { name: hold.key, before: found.text, after: found.text, ttlMs: LEFT_FOR_MS };
      await store.write(groupOf(hold.key), [change], []);
    }
    unsaid.delete(hold);
  }

  async function changed(key: string): Promise<void> {
    const one = held.get(key);
    if (one === undefined) return;
    const found = await read(key);
    if (found?.record.holder === one.hold.holder || held.get(key) !== one) return;
    // One that is being taken is not written yet.
    if (one.hold.isTaken) one.hold.ended(found === undefined ? badTicket() : replacedTicket());
  }

  return {
    async issue(principal, channels) {
      if (!(principal instanceof GrantedPrincipal) || principal.identity.sub === null) throw unauthenticated();
      const refusal = principal.refusal('subscribe', channels);
      if (refusal !== undefined) throw refusal;
      const issued = issuedOf(principal.identity);
      const id = newId(groupOf(ownerKeyOf(issued.sub)));
      const record = {
        ...{ ...issued, channels, holder: null },
        isPastOpen: principal.refusal('history', channels) === undefined,
        session: principal instanceof SessionPrincipal ? principal.key : null,
      };
      const ttlMs = Math.min(OPENS_FOR_MS, issued.expiresMs - clock.wallMs());
      await store.write(groupOf(id), [{ name: keyOf(id), before: null, after: writeTicket(record), ttlMs }], []);
      return { ticket: id, expiresInS: Math.floor(ttlMs / 1000) };
    },
    async find(id) {
      if (!ID_PATTERN.test(id)) throw badTicket();
      const key = keyOf(id);
      await ready(groupOf(id));
      const found = await read(key);
      if (found === undefined) throw badTicket();
      const session = await sessionOf(found.record);
      const principal = new TicketPrincipal(found.record, session, () =>
        take(key, principal.identity, session ?? principal),
      );
      await revocations.check(principal.identity);
      return principal;
    },
    changed,
    async allChanged(group) {
      await Promise.all([...held.keys()].filter((key) => groupOf(key) === group).map(changed));
    },
    hasAny(group) {
      for (const key of held.keys()) if (groupOf(key) === group) return true;
      return false;
    },
    sweep() {
      for (const { hold, sinceMs } of held.values()) {
        if (!hold.isFollowed && clock.elapsedMs() - sinceMs > LEFT_FOR_MS) hold.leave();
      }
      for (const hold of unsaid) say(hold).catch(() => undefined);
    },
  };
}

/** Makes sessions, renews and ends them, in the store; who follows them, there or here, learns it as news. */
import type { Clock } from '../../clock.ts';
import { createInLine } from '../../domain/in-line.ts';
import { EngineUnavailable, Problem } from '../../errors.ts';
import type { Principal, SessionDesk } from '../access.ts';
import { GrantedPrincipal, type PrincipalInit, unauthenticated } from '../principal.ts';
import { deletedCookie, sessionIdIn, setCookie } from '../session-cookie.ts';
import type { PassChange, PassStore } from './pass-store.ts';
import { groupOf, keyOf, newId, ownerKeyOf } from './session-key.ts';
import { readRecord, recordOf, type SessionRecord, writeRecord } from './session-record.ts';
import { tried } from './tried.ts';

export interface SessionDeskDeps {
  readonly store: PassStore;
  readonly clock: Clock;
  /** Tells those who follow it here before the answer is given. */
  readonly changed: (key: string) => Promise<void>;
  /** Sessions of one `sub`: the oldest ends for one more. */
  readonly maxPerSub: number;
  readonly isRevoked: (record: SessionRecord) => boolean;
  /** How long one can last without being renewed, milliseconds. */
  readonly maxLifetimeMs: number;
}

/** Others' clocks may be behind ours, and each ends it by its own: a record that went too soon would be taken for a session that was ended. */
const SLACK_MS = 60_000;

const UNAVAILABLE = 'Sessions cannot be looked up now: send the very same again.';

export function sessionsUnavailable(error: unknown): unknown {
  return error instanceof EngineUnavailable ? new Problem('auth_unavailable', UNAVAILABLE) : error;
}

export function createSessionDesk(deps: SessionDeskDeps): Pick<SessionDesk, 'open' | 'giveUp' | 'close'> {
  const { store, clock } = deps;
  /** The tabs of a browser renew their session in the same moment. */
  const inLine = createInLine<string>();

  /** What has to be in the list of a `sub`'s sessions, and is to be. */
  const listChange = (owner: string, before: string | null, keys: readonly string[]): PassChange => ({
    name: `u:${owner}`,
    before,
    after: keys.length === 0 ? null : keys.join(),
    ttlMs: deps.maxLifetimeMs + SLACK_MS,
  });

  async function listOf(owner: string): Promise<{ text: string | null; keys: string[] }> {
    const [text = null] = await store.read(groupOf(owner), [`u:${owner}`]);
    return { text, keys: text?.split(',') ?? [] };
  }

  async function alive(group: number, keys: readonly string[]): Promise<string[]> {
    const texts = await store.read(group, keys);
    return keys.filter((_, i) => texts[i] !== null);
  }

  async function create(init: PrincipalInit): Promise<string> {
    const record = recordOf(init);
    const owner = ownerKeyOf(record.sub);
    const group = groupOf(owner);
    const id = newId(group);
    const key = keyOf(id);
    return tried('a session is', async () => {
      const list = await listOf(owner);
      const known = list.keys.length < deps.maxPerSub ? list.keys : await alive(group, list.keys);
      const ended = known.slice(0, Math.max(0, known.length + 1 - deps.maxPerSub));
      const changes = [
        listChange(owner, list.text, [...known.slice(ended.length), key]),
        { name: key, before: null, after: writeRecord(record), ttlMs: leftOf(init) + SLACK_MS },
        ...ended.map((name) => ({ name, after: null })),
      ];
      return (await store.write(group, changes, ended)) ? id : undefined;
    });
  }

  /** @returns Whether there was one of this `sub`. */
  function renew(id: string, init: PrincipalInit): Promise<boolean> {
    const key = keyOf(id);
    const record = recordOf(init);
    const owner = ownerKeyOf(record.sub);
    return tried('a session is', async () => {
      const [text = null] = await store.read(groupOf(key), [key]);
      const before = text === null ? undefined : readRecord(text);
      if (before === undefined || before.expiresMs <= clock.wallMs()) return false;
      // Whoever has the cookie of one that was revoked is not to have that of the next.
      if (before.sub !== record.sub || deps.isRevoked(before)) {
        await end(key);
        return false;
      }
      const list = await listOf(owner);
      const keys = list.keys.includes(key) ? list.keys : [...list.keys, key];
      const changes = [
        listChange(owner, list.text, keys),
        { name: key, before: text, after: writeRecord(record), ttlMs: leftOf(init) + SLACK_MS },
      ];
      return (await store.write(groupOf(key), changes, [key])) || undefined;
    });
  }

  function end(key: string): Promise<boolean> {
    return tried('a session is', async () => {
      const [text = null] = await store.read(groupOf(key), [key]);
      if (text === null) return true;
      const changes: PassChange[] = [{ name: key, after: null }];
      const record = readRecord(text);
      if (record !== undefined) {
        const owner = ownerKeyOf(record.sub);
        const list = await listOf(owner);
        const others = list.keys.filter((each) => each !== key);
        changes.push(listChange(owner, list.text, others));
      }
      return (await store.write(groupOf(key), changes, [key])) || undefined;
    });
  }

  const leftOf = ({ identity }: PrincipalInit) => identity.expiresMs - clock.wallMs();

  /** Here they are told at once; should that fail, they will be. */
  async function tellHere(id: string): Promise<void> {
    await deps.changed(keyOf(id)).catch(() => undefined);
  }

  return {
    async open(principal: Principal, cookie) {
      if (!(principal instanceof GrantedPrincipal) || principal.identity.sub === null) throw unauthenticated();
      const { init } = principal;
      try {
        const old = cookie === undefined ? undefined : sessionIdIn(cookie);
        const isRenewed = typeof old === 'string' && (await inLine(old, () => renew(old, init)));
        if (typeof old === 'string') await tellHere(old);
        return setCookie(isRenewed ? old : await create(init), leftOf(init));
      } catch (error) {
        throw sessionsUnavailable(error);
      }
    },
    async giveUp(cookie) {
      const id = cookie === undefined ? undefined : sessionIdIn(cookie);
      if (typeof id !== 'string') return;
      const key = keyOf(id);
      try {
        const [text = null] = await store.read(groupOf(key), [key]);
        if (text === null || readRecord(text)?.isAsked !== true) return;
        await end(key);
        await tellHere(id);
      } catch (error) {
        throw sessionsUnavailable(error);
      }
    },
    async close(cookie) {
      const id = cookie === undefined ? undefined : sessionIdIn(cookie);
      if (typeof id !== 'string') return deletedCookie;
      try {
        await end(keyOf(id));
        await tellHere(id);
        return deletedCookie;
      } catch (error) {
        throw sessionsUnavailable(error);
      }
    },
  };
}

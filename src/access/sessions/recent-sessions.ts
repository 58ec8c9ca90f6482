/** Sessions by the id that requests bring, of those that came a moment ago: most requests are answered without asking anybody. */
import type { Principal } from '../access.ts';
import type { FoundSession } from './known-sessions.ts';
import type { LocalSession } from './local-session.ts';

interface Recent extends FoundSession {
  /** Sweeps that have found it unused, one after the other. */
  idle: number;
}

const ENTRIES_MAX = 10_000;
/** Sweeps after which one goes that does not come again. */
const IDLE_MAX = 2;

export class RecentSessions {
  readonly #entries = new Map<string, Recent>();

  /** @param nowMs By the wall clock. */
  find(id: string, nowMs: number): Principal | undefined {
    const entry = this.#entries.get(id);
    if (entry === undefined || entry.principal.stamp !== entry.session.stamp || nowMs >= entry.session.expiresMs)
      return undefined;
    entry.idle = 0;
    return entry.principal;
  }

  keep(id: string, found: FoundSession): void {
    this.#entries.delete(id);
    this.#entries.set(id, { ...found, idle: 0 });
    if (this.#entries.size > ENTRIES_MAX) this.#entries.delete(this.#entries.keys().next().value!);
  }

  /** Drops those that did not come again. @returns The sessions of those that did. */
  sweep(): Set<LocalSession> {
    const kept = new Set<LocalSession>();
    for (const [id, entry] of this.#entries) {
      const { session, principal } = entry;
      // It was used before the first of them.
      if (entry.idle++ >= IDLE_MAX || principal.stamp !== session.stamp) this.#entries.delete(id);
      else kept.add(session);
    }
    return kept;
  }
}

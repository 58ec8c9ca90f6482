/** Sessions by the id that requests bring, of those that came a moment ago: most requests are answered without asking anybody. */
import type { Clock } from '../../clock.ts';
import type { Principal } from '../access.ts';
import type { FoundSession } from './known-sessions.ts';
import type { LocalSession } from './local-session.ts';

interface Recent extends FoundSession {
  /** By the elapsed clock. */
  usedMs: number;
}

const ENTRIES_MAX = 10_000;
/** How long one is kept that does not come again. */
const UNUSED_MS = 60_000;

export class RecentSessions {
  readonly #clock: Clock;
  readonly #entries = new Map<string, Recent>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @param nowMs By the wall clock. */
  find(id: string, nowMs: number): Principal | undefined {
    const entry = this.#entries.get(id);
    if (entry === undefined || entry.principal.stamp !== entry.session.stamp || nowMs >= entry.session.expiresMs)
      return undefined;
    entry.usedMs = this.#clock.elapsedMs();
    return entry.principal;
  }

  keep(id: string, found: FoundSession): void {
    this.#entries.delete(id);
    this.#entries.set(id, { ...found, usedMs: this.#clock.elapsedMs() });
    if (this.#entries.size > ENTRIES_MAX) this.#entries.delete(this.#entries.keys().next().value!);
  }

  /** Drops those that did not come again. @returns The sessions of those that did. */
  sweep(): Set<LocalSession> {
    const staleMs = this.#clock.elapsedMs() - UNUSED_MS;
    const kept = new Set<LocalSession>();
    for (const [id, { usedMs, session, principal }] of this.#entries) {
      if (usedMs < staleMs || principal.stamp !== session.stamp) this.#entries.delete(id);
      else kept.add(session);
    }
    return kept;
  }
}

/**
 * What this process knows of the leases of shards, by its own clock: since when another's has shown no sign of life, and when its
 * own were extended. No two clocks are ever compared (`lua/peek.lua`, docs/adr/0015).
 */
import type { Lease } from '../engine.ts';

/** Another's: it is over when its sign has not changed for so long. */
interface Watched {
  readonly sign: string;
  readonly sinceMs: number;
  readonly forMs: number;
}

interface Held {
  readonly lease: Lease;
  readonly extendedMs: number;
}

/** What a peek asks with. */
export interface LeaseQuestion {
  /** Of another's lease, as it was last seen; empty for none. */
  readonly sign: string;
  /** Whether that lease is over, or one's own is to be extended. */
  readonly isDue: boolean;
  readonly askedMs: number;
}

/** Extended when so much of it is over. A merger that has nothing to do comes back several times in the rest. */
const EXTENDED_AFTER = 0.5;

export class Leases {
  readonly #elapsedMs: () => number;
  readonly #watched = new Map<number, Watched>();
  readonly #held = new Map<number, Held>();

  /** @param elapsedMs A clock that never goes back. */
  constructor(elapsedMs: () => number) {
    this.#elapsedMs = elapsedMs;
  }

  question(shard: number, lease: Lease): LeaseQuestion {
    const askedMs = this.#elapsedMs();
    const held = this.#held.get(shard);
    if (held?.lease.token === lease.token) {
      const isDue = held.lease.ms !== lease.ms || askedMs - held.extendedMs >= lease.ms * EXTENDED_AFTER;
      return { sign: '', isDue, askedMs };
    }
    const watched = this.#watched.get(shard);
    if (watched === undefined) return { sign: '', isDue: false, askedMs };
    return { sign: watched.sign, isDue: askedMs - watched.sinceMs >= watched.forMs, askedMs };
  }

  /** The lease is the caller's. */
  isOurs(shard: number, lease: Lease, { isDue, askedMs }: LeaseQuestion): void {
    const held = this.#held.get(shard);
    this.#watched.delete(shard);
    if (isDue || held?.lease.token !== lease.token) this.#held.set(shard, { lease, extendedMs: askedMs });
  }

  /**
   * The lease is another's.
   *
   * @param leftMs How long it is to be watched, from the first look at that sign.
   * @returns How long it is still to be watched.
   */
  isAnothers(shard: number, lease: Lease, sign: string, leftMs: number): number {
    if (this.#held.get(shard)?.lease.token === lease.token) this.#held.delete(shard);
    const nowMs = this.#elapsedMs();
    const watched = this.#watched.get(shard);
    if (watched?.sign === sign) return Math.max(0, watched.sinceMs + watched.forMs - nowMs);
    this.#watched.set(shard, { sign, sinceMs: nowMs, forMs: leftMs });
    return leftMs;
  }
}

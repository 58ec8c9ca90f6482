/**
 * A merger's hold on one shard: it takes the lease where its share has room, knows for how long that can be trusted, and gives it
 * back when it is another's.
 *
 * Who has no room only looks. Shares are known a second late, and who should take a shard may be unable to: so one that stays
 * nobody's is taken by whoever finds it, and kept for a while, rather than left alone.
 */
import { randomUUID } from 'node:crypto';
import type { Clock } from '../clock.ts';
import type { Engine, Peek, PeekLimits } from '../engine/engine.ts';
import type { Share } from './share.ts';

export interface TenureDeps {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly leaseMs: number;
  readonly share: Share;
  /** Whether what the store has lost can be put back, were the lease ours. Default: it cannot. */
  readonly refills?: () => boolean;
  /** There is a shard that nobody has, and no room for it: who is here may have changed. */
  readonly onLeft?: () => void;
}

/** A peek leaves half of a lease at least, so with half of that a commit still finds it ours. */
const TRUSTED_OF_LEASE = 0.25;
/** What a peek leaves of it at least, by any clock: nobody else had it between two that are not further apart. */
const UNBROKEN_OF_LEASE = 0.5;
/** For so long a shard is left to whose it is: round trips and the turn of a loop, many times over. */
const LEFT_MAX_MS = 1_000;
/** The same where leases are shorter than that. */
const LEFT_OF_LEASE = 0.5;
/** So long after something was taken that nobody else wanted nothing is given back: it would only be left alone again. */
const KEPT_MS = 5_000;

export class Tenure {
  readonly #shard: number;
  readonly #deps: TenureDeps;
  #token = randomUUID();
  #isOurs = false;
  /** When the lease was last known to be ours for half of its time at least. */
  #leasedMs = Number.NEGATIVE_INFINITY;
  /** The same, whatever was doubted since. */
  #confirmedMs = Number.NEGATIVE_INFINITY;
  #isUnbroken = false;
  /** Since when nobody has had it, while we looked. */
  #leftMs: number | null = null;

  constructor(shard: number, deps: TenureDeps) {
    this.#shard = shard;
    this.#deps = deps;
  }

  get token(): string {
    return this.#token;
  }

  /** As far as is known; also while it is being taken. */
  get isOurs(): boolean {
    return this.#isOurs;
  }

  get isTrusted(): boolean {
    const { clock, leaseMs } = this.#deps;
    return clock.elapsedMs() - this.#leasedMs <= leaseMs * TRUSTED_OF_LEASE;
  }

  /** Whether nobody else can have had the lease between the last two peeks that found it ours. */
  get isUnbroken(): boolean {
    return this.#isUnbroken;
  }

  /** Takes the lease only where that is ours to do. */
  async peek(limits: PeekLimits): Promise<Peek> {
    if (this.#isOurs) return this.#ask(limits, true);
    const look = await this.#ask(limits, false);
    if (look.kind !== 'free') {
      this.#leftMs = null;
      return look;
    }
    if (!this.#mayTake()) return look;
    this.#hold();
    try {
      return await this.#ask(limits, true);
    } catch (error) {
      // If it was taken all the same, the next look finds it under our token.
      this.#drop();
      throw error;
    }
  }

  /** After any doubt: it may be ours still. */
  doubt(): void {
    this.#leasedMs = Number.NEGATIVE_INFINITY;
  }

  /** The next acquisition is another one, so it comes with another token. */
  lose(): void {
    this.#drop();
    this.doubt();
    this.#confirmedMs = Number.NEGATIVE_INFINITY;
    this.#token = randomUUID();
  }

  /** Back to whoever wants it. */
  async release(): Promise<void> {
    const token = this.#token;
    this.lose();
    await this.#deps.engine.release(this.#shard, token);
  }

  /** Whether it is another's. */
  get isDueBack(): boolean {
    const { share, clock } = this.#deps;
    return this.#isOurs && share.isExceeded && clock.elapsedMs() >= share.keptUntilMs;
  }

  async #ask(limits: PeekLimits, takes: boolean): Promise<Peek> {
    const { engine, clock, leaseMs, refills = () => false } = this.#deps;
    const askedMs = clock.elapsedMs();
    const lease = { token: this.#token, ms: leaseMs, takes, refills: refills() };
    const peek = await engine.peek(this.#shard, lease, limits);
    if (peek.kind === 'held' || peek.kind === 'free') {
      this.#drop();
    } else {
      this.#hold();
      if (peek.kind === 'entries') this.#confirm(askedMs);
    }
    return peek;
  }

  #confirm(askedMs: number): void {
    const { clock, leaseMs } = this.#deps;
    this.#isUnbroken = clock.elapsedMs() - this.#confirmedMs <= leaseMs * UNBROKEN_OF_LEASE;
    this.#leasedMs = askedMs;
    this.#confirmedMs = askedMs;
  }

  #mayTake(): boolean {
    const { share, clock, leaseMs, onLeft } = this.#deps;
    if (share.hasRoom) return true;
    const nowMs = clock.elapsedMs();
    this.#leftMs ??= nowMs;
    if (nowMs - this.#leftMs >= Math.min(LEFT_MAX_MS, leaseMs * LEFT_OF_LEASE)) {
      share.keptUntilMs = nowMs + KEPT_MS;
      return true;
    }
    onLeft?.();
    return false;
  }

  #hold(): void {
    if (this.#isOurs) return;
    this.#isOurs = true;
    this.#leftMs = null;
    this.#deps.share.add();
  }

  #drop(): void {
    if (!this.#isOurs) return;
    this.#isOurs = false;
    this.#deps.share.remove();
  }
}

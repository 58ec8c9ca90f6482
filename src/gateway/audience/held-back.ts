/**
 * What a conflating audience holds back until its time is up: what is pending for each of its channels, and what its last
 * flush is telling. All that a process holds back is in one budget with its rings.
 */
import type { Position } from '../../domain/position.ts';
import type { Hub } from '../hub/hub.ts';
import { Pending } from './pending.ts';
import { type Fresh, Told } from './told.ts';

/** Of all audiences of a process together. */
export interface HeldBackBudget {
  /** Told by how much more, or less, is held back, in bytes. */
  account(bytes: number): void;
  /** More is held back than should be: who adds to it is to flush. */
  readonly isSpent: boolean;
}

/** Some 15,000 names of short changes. With more it is flushed before its time: a flush is to be a few turns of the event loop. */
const PENDING_MAX_BYTES = 4 << 20;
/** Nor may it grow so far while a flush is under way: then its streams read history. */
const PENDING_END_BYTES = 2 * PENDING_MAX_BYTES;
/** What a flush told is kept so long for those who waited for it; after that they read history. */
const TOLD_MS = 2000;

export class HeldBack {
  readonly #budget: HeldBackBudget;
  readonly #pending: readonly Pending[];
  #told: Told | null = null;
  #timer: NodeJS.Timeout | undefined;

  constructor(hubs: readonly Hub[], budget: HeldBackBudget) {
    this.#budget = budget;
    this.#pending = hubs.map((hub) => new Pending(hub, (bytes) => budget.account(bytes)));
  }

  /** A flush has begun and not all of it is on its way. */
  get isFlushing(): boolean {
    return this.#told !== null && !this.#told.isEnded;
  }

  get isEmpty(): boolean {
    return this.#pending.every((pending) => pending.isEmpty);
  }

  /** It is to be flushed before its time. */
  get isTooMuch(): boolean {
    return this.#budget.isSpent || this.#pendingBytes > PENDING_MAX_BYTES;
  }

  get isFarTooMuch(): boolean {
    return this.#pendingBytes > PENDING_END_BYTES;
  }

  get #pendingBytes(): number {
    let bytes = 0;
    for (const pending of this.#pending) bytes += pending.bytes;
    return bytes;
  }

  covers(index: number, position: Position): boolean {
    return this.#pending[index]!.covers(position) || (this.#told?.covers(index, position) ?? false);
  }

  /** Takes what the hubs have that is new. False when more has come at once than a ring holds. */
  take(): boolean {
    let isTaken = true;
    for (const pending of this.#pending) isTaken = pending.take() && isTaken;
    return isTaken;
  }

  /** A reader that waits at these positions, all covered, is to find all that comes after them in the next flush. */
  reachBack(positions: readonly Position[]): void {
    for (const [i, pending] of this.#pending.entries()) {
      if (!this.#told?.covers(i, positions[i]!)) pending.reachBack(positions[i]!.offset);
    }
  }

  /** Whether no event lies between these positions and those where the audience's streams are. */
  isAt(offsets: readonly number[], positions: readonly Position[]): boolean {
    return this.#pending.every((pending, i) => {
      const [at, ours] = [positions[i]!.offset, offsets[i]!];
      return at === ours || pending.isNothingBetween(Math.min(at, ours), Math.max(at, ours));
    });
  }

  /** Begins a flush of all that is pending. */
  begin(): void {
    this.#forgetTold();
    this.#told = new Told(this.#pending.map((pending) => pending.takeOut()));
  }

  /** Of the flush that is under way. */
  after(index: number, offset: number): Fresh {
    return this.#told!.after(index, offset);
  }

  /** All of the flush is on its way. @param isWaitedFor Somebody has to read it from positions of its own. */
  end(offsets: readonly number[], isWaitedFor: boolean): void {
    this.#told!.end(offsets);
    if (isWaitedFor) this.#timer = setTimeout(() => this.#forgetTold(), TOLD_MS);
    else this.#forgetTold();
  }

  /** What the last flush told to others and a reader at this position is still to be told. */
  pageFor(index: number, position: Position): ReturnType<Told['pageFor']> {
    return this.#told?.pageFor(index, position) ?? null;
  }

  restart(): void {
    this.#forgetTold();
    for (const pending of this.#pending) pending.restart();
  }

  /** Gives up all of it. */
  drop(): void {
    this.#forgetTold();
    for (const pending of this.#pending) pending.drop();
  }

  #forgetTold(): void {
    clearTimeout(this.#timer);
    if (this.#told) this.#budget.account(-this.#told.bytes);
    this.#told = null;
  }
}

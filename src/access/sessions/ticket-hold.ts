/** A ticket that a stream of this process holds: whose it is, until when, and what becomes of it. */
import type { Problem } from '../../errors.ts';
import type { Follower, Identity, Principal } from '../access.ts';

export class TicketHold implements Identity, Follower {
  readonly key: string;
  readonly holder: string;
  /** Of the session that it was made for, or of the token. */
  readonly #of: Identity;
  readonly #onLeft: (hold: TicketHold) => void;
  #follower: Follower | null = null;
  /** Why, once it is over. */
  #over: Problem | null = null;
  /** Who it is since then, if that became another before the stream was there. */
  #now: Principal | null = null;
  /** The store says so. */
  isTaken = false;

  constructor(key: string, holder: string, of: Identity, onLeft: (hold: TicketHold) => void) {
    this.key = key;
    this.holder = holder;
    this.#of = of;
    this.#onLeft = onLeft;
  }

  /** @param as Whom it was made for, as that one was when it was looked at. */
  taken(as: Principal): void {
    this.isTaken = true;
    this.#of.follow?.(this, as);
  }

  get sub(): string | null {
    return this.#of.sub;
  }

  get expiresMs(): number {
    return this.#of.expiresMs;
  }

  get isFollowed(): boolean {
    return this.#follower !== null;
  }

  follow(follower: Follower): void {
    this.#follower = follower;
    // It was over, or another's, while the stream was being opened.
    queueMicrotask(() => {
      if (this.#over !== null) this.#follower?.ended(this.#over);
      else if (this.#now !== null) this.#follower?.renewed(this.#now);
      this.#now = null;
    });
  }

  leave(): void {
    this.#follower = null;
    this.#of.leave?.(this);
    this.#onLeft(this);
  }

  renewed(principal: Principal): void {
    if (this.#follower === null) this.#now = principal;
    else this.#follower.renewed(principal);
  }

  ended(problem: Problem): void {
    this.#over = problem;
    this.#follower?.ended(problem);
  }
}

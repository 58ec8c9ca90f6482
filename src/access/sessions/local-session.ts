/**
 * A session as this process knows it, and who follows it here. There is one for each that has streams, so it is small: what is granted is
 * not kept, but read again when it has changed.
 */
import type { Follower, Principal } from '../access.ts';
import { GrantedPrincipal, type PrincipalInit } from '../principal.ts';
import { RevocableIdentity } from '../revocable.ts';
import { endedSession } from './ended-session.ts';

/** Of one that nobody has read yet. */
const UNREAD = 0;
/** Of one that is over. Its id is never another's. */
const OVER = -1;

export interface SessionPrincipalInit extends PrincipalInit {
  readonly key: string;
  readonly stamp: number;
  /** Reads the session again. */
  readonly look: (key: string) => void;
}

/** Who comes by a session. What is here is not with the session: of these only some are kept. */
export class SessionPrincipal extends GrantedPrincipal {
  readonly key: string;
  /** Of the record that it was read from. */
  readonly stamp: number;
  readonly #look: (key: string) => void;

  constructor({ key, stamp, look, ...init }: SessionPrincipalInit) {
    super(init);
    this.key = key;
    this.stamp = stamp;
    this.#look = look;
  }

  look(): void {
    this.#look(this.key);
  }
}

export class LocalSession extends RevocableIdentity {
  /** Of the record that it was read from. */
  stamp = UNREAD;

  get isUnread(): boolean {
    return this.stamp === UNREAD;
  }

  get isOver(): boolean {
    return this.stamp === OVER;
  }

  override follow(follower: Follower, as: Principal): void {
    super.follow(follower, as);
    // It ended, or became another, while whoever follows was being opened.
    if (this.isOver) queueMicrotask(() => this.isFollowedBy(follower) && follower.ended(endedSession()));
    else if (as instanceof SessionPrincipal && as.stamp !== this.stamp) {
      this.stamp = UNREAD;
      as.look();
    }
  }

  renewed(principal: Principal): void {
    for (const follower of this.told()) follower.renewed(principal);
  }

  /** @param isTold Whether those who follow end for that, and not in their time. */
  isGone(isTold: boolean): void {
    this.stamp = OVER;
    if (isTold) this.end(endedSession());
  }
}

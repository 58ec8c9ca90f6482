/**
 * Who somebody is by a token, or by what was made of one: it can be revoked, and those who follow it here are told so.
 *
 * There is one for each token or session that has streams, so it is small.
 */
import type { Problem } from '../errors.ts';
import type { Follower, Identity, Principal } from './access.ts';
import { ownOf } from './grants.ts';

export interface Issued {
  readonly sub: string;
  readonly expiresMs: number;
  /** `iat`, seconds since 1970; 0 of a token that has none: it was issued before anything else. */
  readonly issuedS: number;
  /** `jti`; null of a token that has none. */
  readonly jti: string | null;
}

/** Is told whom somebody follows, for as long as somebody does. */
export interface FollowedWatch {
  followed(one: RevocableIdentity, by: Follower): void;
  left(one: RevocableIdentity): void;
}

/** Of whoever has a `sub`. */
export function issuedOf(identity: Identity): Issued {
  const { expiresMs } = identity;
  const { issuedS, jti } = identity instanceof RevocableIdentity ? identity : { issuedS: 0, jti: null };
  return { sub: identity.sub!, expiresMs, issuedS, jti };
}

/** As claims, and records of ours, have it: what is no time is none, and what is no name is none. */
export function issueIn(claims: object): Pick<Issued, 'issuedS' | 'jti'> {
  const [iat, jti] = [ownOf(claims, 'iat'), ownOf(claims, 'jti')];
  return {
    issuedS: typeof iat === 'number' && Number.isFinite(iat) ? iat : 0,
    jti: typeof jti === 'string' ? jti : null,
  };
}

export class RevocableIdentity implements Identity, Issued {
  sub = '';
  expiresMs = 0;
  issuedS = 0;
  jti: string | null = null;
  /** What was known of revocations when it was found good last; 0: never. */
  seen = 0;
  /** Who knows of revocations; null until that one has found it good. */
  watch: FollowedWatch | null = null;
  /** Alone, it is held directly: most have one. */
  #followers: Follower | Set<Follower> | null = null;

  constructor(issued?: Issued) {
    if (issued !== undefined) this.become(issued);
  }

  /** It is that of another token from now on. */
  become({ sub, expiresMs, issuedS, jti }: Issued): void {
    this.sub = sub;
    this.expiresMs = expiresMs;
    this.issuedS = issuedS;
    this.jti = jti;
    this.seen = 0;
  }

  get isFollowed(): boolean {
    return this.#followers !== null;
  }

  follow(follower: Follower, _as: Principal): void {
    if (this.#followers instanceof Set) this.#followers.add(follower);
    else this.#followers = this.#followers === null ? follower : new Set([this.#followers, follower]);
    this.watch?.followed(this, follower);
  }

  leave(follower: Follower): void {
    if (this.#followers instanceof Set) {
      this.#followers.delete(follower);
      if (this.#followers.size === 0) this.#followers = null;
    } else if (this.#followers === follower) this.#followers = null;
    if (this.#followers === null) this.watch?.left(this);
  }

  isFollowedBy(follower: Follower): boolean {
    return this.#followers instanceof Set ? this.#followers.has(follower) : this.#followers === follower;
  }

  /** Ends those who follow it. */
  end(problem: Problem): void {
    for (const follower of this.told()) follower.ended(problem);
  }

  /** Those who follow now: who is told may leave. */
  protected told(): Follower[] {
    if (this.#followers === null) return [];
    return this.#followers instanceof Set ? [...this.#followers] : [this.#followers];
  }
}

/**
 * The contract of access: who a request is, and what that one may do. Roles know no more of it; which implementation is behind it,
 * only the wiring does.
 *
 * Invariant: a request that brings credentials is never somebody else, nor nobody, because they are bad: it is refused.
 */
import type { Channel } from '../domain/channel.ts';
import type { Problem } from '../errors.ts';
import type { Address, Limits } from './limits.ts';

/** What can be granted of a channel. */
export type Right = 'publish' | 'subscribe' | 'history';

/** Who somebody is, without what that one may do: all that is kept of it for as long as a stream lives. */
export interface Identity {
  /** Of the token; null where nobody has said who it is. */
  readonly sub: string | null;
  /**
   * From when on it is nobody any more (`exp`): milliseconds since 1970, by the wall clock, as whoever issued the token has it; or infinite.
   * Of what can be followed it may move.
   */
  readonly expiresMs: number;
  /**
   * Only where something else than time can end it or move its end, as it can a session's: tells of that until `leave`.
   *
   * @param as Whom it was let in as. Should that be another by now, it is told so.
   */
  follow?(follower: Follower, as: Principal): void;
  leave?(follower: Follower): void;
}

/**
 * What lives on behalf of somebody for longer than a request takes: a stream, a poll that waits. Thousands may be told in the same moment,
 * so each only notes what it is told, and does what takes long in a later turn of the event loop. Neither throws.
 */
export interface Follower {
  /** `expiresMs` has moved, or what is granted is another now. */
  renewed(principal: Principal): void;
  /** It is over before its time. @param problem What requests are told of it. */
  ended(problem: Problem): void;
}

/** Who a request is. The same object for all requests with the same credentials, for as long as they are remembered. */
export interface Principal {
  readonly identity: Identity;
  /** Why it has not this right to all of these channels, if it has not: 401 where nobody has said who it is, else 403. */
  refusal(right: Right, channels: readonly Channel[]): Problem | undefined;
  /** The same for a change, whose `from` must be its own. @param from `<name>.<nonce>`, or `''`. */
  changeRefusal(channel: Channel, from: string): Problem | undefined;
  /** What it is told that still waits then. */
  expired(): Problem;
  /**
   * Only of a ticket, which one stream holds at a time: takes it for one, from whoever has it.
   *
   * @returns Whose the stream is, in the place of `identity`. @throws {Problem} 401 or 503
   */
  hold?(): Promise<Identity>;
}

export interface Access {
  /** How much of it. */
  readonly limits: Limits;
  /**
   * Who sends these bytes, where that is known without waiting; undefined where it takes `identify`.
   *
   * @param start Where in the chunk the value of `Authorization` begins; 0 where there is none. @param end Where it ends.
   * @param nowMs By the wall clock. @param cookieStart The same of `Cookie`.
   */
  recall(
    chunk: Buffer,
    start: number,
    end: number,
    nowMs: number,
    cookieStart?: number,
    cookieEnd?: number,
  ): Principal | undefined;
  /**
   * Where a value of `Authorization` that begins there ends, if `recall` would find a token in it by every byte of it, and CR LF is behind
   * it; else −1. None of its bytes has to be looked at then.
   */
  readonly endOfKnown: (chunk: Buffer, start: number) => number;
  /**
   * By `Authorization`, else by the cookie of a session, else by a ticket. What is bad of one is never made good by the other.
   *
   * @param fields Of the header, names and values in turn.
   * @param address That they come from; without one, failures are not counted.
   * @param ticket As it was brought, where one is taken.
   * @throws {Problem} 400, 401, 429 or 503; or rejects with one.
   */
  identify(fields: readonly string[], address?: Address, ticket?: string): Principal | Promise<Principal>;
  /** Null where there are none, because nobody has to say who it is. */
  readonly sessions: SessionDesk | null;
  /** Null where there is nothing to revoke. */
  readonly revocations: RevocationDesk | null;
  close(): void;
}

/** Where tokens end before their time, with all that was made of them. */
export interface RevocationDesk {
  /**
   * One token by its `jti`, or those of a `sub` that were issued before a time, seconds since 1970: on every node, within 10 s.
   *
   * @returns Until when it is kept, milliseconds since 1970. @throws {Problem} 503
   */
  revoke(wish: { readonly jti: string } | { readonly sub: string; readonly beforeS: number }): Promise<number>;
}

/** Of who begins a session without a token of ours. */
export interface BackendQuestion {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly origin: string | undefined;
  readonly ip: string;
  /** That is counted where it is refused. */
  readonly address: Address;
  /** Of who has a session already, and wants to know what is said of it now. */
  readonly isRenewal: boolean;
}

/** Where browsers get a session for a token. */
export interface SessionDesk {
  /** Who it is, by the operator's backend; absent where there is none. @throws {Problem} 401, 403 or 503 */
  readonly ask?: (question: BackendQuestion) => Promise<Principal>;
  /**
   * A session for who brings a token, or the one that it has, renewed: what that one grants and when it ends is the token's from then on,
   * also for what follows it. One of somebody else ends.
   *
   * @param cookie The `Cookie` field that came with it.
   * @returns The `Set-Cookie` field. @throws {Problem} 503
   */
  open(principal: Principal, cookie: string | undefined): Promise<string>;
  /** Ends the session of this cookie if it is one that the backend has let in, which does so no more. @throws {Problem} 503 */
  giveUp(cookie: string | undefined): Promise<void>;
  /** Ends the session of this cookie, and whatever follows it, on every node. @returns The `Set-Cookie` field. @throws {Problem} 503 */
  close(cookie: string | undefined): Promise<string>;
  /** A ticket for a stream of these channels, for who may receive them. @throws {Problem} 401, 403 or 503 */
  issue(principal: Principal, channels: readonly Channel[]): Promise<IssuedTicket>;
}

export interface IssuedTicket {
  readonly ticket: string;
  /** Unless it is used before, whole seconds. */
  readonly expiresInS: number;
}

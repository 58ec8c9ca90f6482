/**
 * The contract of limits: how much one may ask of this process. One is who a token, or whatever else stands for it, says (`sub`); or the
 * address that a request comes from.
 *
 * Invariant: what is refused costs less than what is let in, and nobody may do less because of what another does.
 */
import type { Problem } from '../errors.ts';

/** Where a request comes from: an IPv4 address, or the /64 of an IPv6 address; `''` where it is not counted. */
export type Address = string;

/** Who asks; null where nobody has said who it is, and nothing is counted. */
export type Sub = string | null;

export interface Limits {
  /** A POST or PUT from there, whatever it is; counted where it is not refused. */
  postFrom(address: Address): Problem | undefined;
  /** The same of who sends it. */
  postBy(sub: Sub): Problem | undefined;
  /** A change that may be sent to this channel; counted where nobody has sent one to it here for a while. */
  channelBy(sub: Sub, channel: string): Problem | undefined;
  /** Of a POST that was let in, what it had more than one of: it is missing later. */
  charge(sub: Sub, address: Address, changes: number): void;
  /** A session or a ticket that is asked for from there, or ended. */
  sessionFrom(address: Address): Problem | undefined;
  /** The same of who asks for one. */
  sessionBy(sub: Sub): Problem | undefined;
  readonly attempts: Attempts;
  readonly seats: Seats;
}

/** Credentials that are tried, which takes cryptography, or somebody else to ask. */
export interface Attempts {
  /**
   * Tries them, unless too many from there were bad a moment ago. Counted is what rejects with a `Problem` of status 401, but for those that
   * have only expired.
   *
   * @throws {Problem} 429, and nothing was tried.
   */
  run<T>(address: Address, attempt: () => Promise<T>): Promise<T>;
}

/** Streams, and polls that wait: each has a seat for as long as it is there. */
export interface Seats {
  /** @returns 429 where who asks, or where that comes from, has as many as one may have. */
  take(sub: Sub, address: Address): Seat | Problem;
  /** Once for each that was taken. */
  giveBack(seat: Seat): void;
}

/** Small, for there are as many as streams. What it has in it is of whoever gave it. */
export interface Seat {
  readonly ofSub: number;
  readonly ofAddress: number;
}

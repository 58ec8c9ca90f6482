/**
 * A stream: one client's response, and how far that client has been written to.
 *
 * It is either *attached* to its audience, pointing at the chunk it was given last, or *detached*, with positions of its
 * own, while it catches up or while its connection takes no more. The cursor is the buffer: a connection that is
 * full costs its positions, not the bytes it has missed.
 */
import type { Follower, Identity, Principal } from '../../access/access.ts';
import type { Seat } from '../../access/limits.ts';
import type { Position } from '../../domain/position.ts';
import type { Problem } from '../../errors.ts';
import type { Audience } from '../audience/audience.ts';
import { type Chunk, positionsAt, type Recipient } from '../audience/recipient.ts';
import type { Transport, TransportListener } from '../connection/transport.ts';
import type { Due, Leaver } from './deadline.ts';

/** Why a stream is asked to come back (P22). */
export type Goodbye = 'drain' | 'age' | 'rebalance';
export type EndReason = Goodbye | 'client' | 'stalled' | 'failed' | 'expired' | 'narrowed' | 'revoked' | 'replaced';

export interface StreamOwner {
  /** The stream is detached: from its positions it is to be brought up to date and attached again. */
  catchUp(stream: Stream): void;
  /** The connection is no more. */
  closed(stream: Stream): void;
  /** Something went wrong that concerns this stream: it is to be ended. @param error Where it is not told already. */
  failed(stream: Stream, error?: unknown): void;
  /** Whose it is may do this now, and until another time. */
  renewed(stream: Stream, principal: Principal): void;
  /** Whose it is may have it no longer. */
  signedOut(stream: Stream, problem: Problem): void;
}

/** Of every attached stream. */
const NO_POSITIONS: Position[] = [];

export class Stream implements TransportListener, Recipient, Leaver, Seat, Follower {
  readonly transport: Transport;
  readonly audience: Audience;
  readonly #owner: StreamOwner;
  /** One per channel; none while attached. */
  positions: Position[];
  #at: Chunk | null = null;
  /** When something was last written, by the elapsed clock, in whole milliseconds. */
  writtenMs: number;
  /** Since when the connection has taken nothing of what waits; 0 while it takes. */
  stalledMs = 0;
  /** Whose it is. */
  identity: Identity | null = null;
  /** Its seat, which is given back. */
  ofSub = -1;
  ofAddress = -1;
  /** When something is to be done about its end, by the elapsed clock, in whole milliseconds; 0: never. */
  leavesMs = 0;
  leavesFor: Due = 'age';
  /** How long it may be silent, as it was told itself (P10). */
  heartbeatMs = 0;
  endReason: EndReason = 'client';

  constructor(
    transport: Transport,
    audience: Audience,
    positions: readonly Position[],
    owner: StreamOwner,
    nowMs: number,
  ) {
    this.transport = transport;
    this.audience = audience;
    this.positions = [...positions];
    this.#owner = owner;
    this.writtenMs = Math.floor(nowMs);
    transport.listener = this;
  }

  connectionClosed(): void {
    this.#owner.closed(this);
  }

  renewed(principal: Principal): void {
    this.#owner.renewed(this, principal);
  }

  ended(problem: Problem): void {
    this.#owner.signedOut(this, problem);
  }

  get isClosed(): boolean {
    return this.transport.isClosed;
  }

  write(bytes: Buffer | string, nowMs: number): void {
    this.writtenMs = Math.floor(nowMs);
    this.transport.write(bytes);
  }

  /** Its audience has made more than it was given. */
  get isBehind(): boolean {
    return this.#at !== null && this.#at.next !== null;
  }

  attach(at: Chunk): void {
    this.#at = at;
    this.positions = NO_POSITIONS;
  }

  /**
   * Takes what its audience has made since; lets go of it when the connection is full.
   *
   * @returns How many events it was given.
   */
  advance(nowMs: number): number {
    let at = this.#at;
    let events = 0;
    while (at?.next && !this.transport.isFull) {
      at = at.next;
      this.#at = at;
      this.write(at.bytes, nowMs);
      events += at.events;
    }
    if (at?.next) {
      this.detach();
      this.catchUp();
    }
    return events;
  }

  /** Goes on with positions of its own. */
  detach(): void {
    if (!this.#at) return;
    this.positions = positionsAt(this.#at);
    this.#at = null;
    this.audience.leave(this);
  }

  catchUp(): void {
    this.#owner.catchUp(this);
  }

  fail(error?: unknown): void {
    this.#owner.failed(this, error);
  }
}

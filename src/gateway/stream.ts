/**
 * A stream: one client's response, and how far that client has been written to.
 *
 * It is either *attached* to its audience, pointing at the chunk it was given last, or *detached*, with positions of its
 * own, while it catches up or while its connection takes no more. The cursor is the buffer: a connection that is
 * full costs its positions, not the bytes it has missed.
 */
import type { Position } from '../domain/position.ts';
import type { Audience, Chunk } from './audience.ts';
import type { Transport } from './transport.ts';

export type EndReason = 'client' | 'drain' | 'stalled' | 'failed';

export interface StreamOwner {
  nowMs(): number;
  /** The stream is detached: from its positions it is to be brought up to date and attached again. */
  catchUp(stream: Stream): void;
  delivered(events: number): void;
}

export class Stream {
  readonly transport: Transport;
  readonly audience: Audience;
  readonly #owner: StreamOwner;
  /** One per channel; empty while attached. */
  positions: Position[];
  #at: Chunk | null = null;
  /** When something was last written, by the owner's clock. */
  writtenMs: number;
  /** Since when the connection has taken nothing of what waits; 0 while it takes. */
  stalledMs = 0;
  endReason: EndReason = 'client';

  constructor(transport: Transport, audience: Audience, positions: readonly Position[], owner: StreamOwner) {
    this.transport = transport;
    this.audience = audience;
    this.positions = [...positions];
    this.#owner = owner;
    this.writtenMs = owner.nowMs();
  }

  get isClosed(): boolean {
    return this.transport.isClosed;
  }

  write(bytes: Buffer | string): void {
    this.writtenMs = this.#owner.nowMs();
    this.transport.write(bytes);
  }

  /** Writes frames that carry so many events. */
  give(bytes: Buffer | string, events: number): void {
    this.write(bytes);
    this.#owner.delivered(events);
  }

  attach(at: Chunk): void {
    this.#at = at;
    this.positions = [];
  }

  /** Takes what its audience has made since; lets go of it when the connection is full. */
  advance(): void {
    let at = this.#at;
    while (at?.next && !this.transport.isFull) {
      at = at.next;
      this.#at = at;
      this.give(at.bytes, at.events);
    }
    if (!at?.next) return;
    this.detach();
    this.catchUp();
  }

  /** Goes on with positions of its own. */
  detach(): void {
    if (!this.#at) return;
    this.positions = this.audience.positionsAt(this.#at);
    this.#at = null;
    this.audience.leave(this);
  }

  catchUp(): void {
    this.#owner.catchUp(this);
  }
}

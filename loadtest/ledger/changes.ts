/**
 * The changes of each client: which were accepted, and which the witness of the channel has seen.
 *
 * Invariant (P8): the witness sees each client's changes as 1, 2, 3 …, and in the end up to the last that was accepted.
 */
import type { Offences } from './offences.ts';
import type { Positions } from './positions.ts';
import type { Room } from './room.ts';
import type { Rooms } from './rooms.ts';

/** Changes that the witness jumped over and that are remembered, in all. */
const UNSEEN_KEPT = 1000;
/** Client and sequence number in one number: 2²¹ of the one, 2³² of the other. */
const SEQS = 2 ** 32;

export function changeOf(client: number, seq: number): number {
  return client * SEQS + seq;
}

export class Changes {
  readonly #rooms: Rooms;
  readonly #offences: Offences;
  /** Per client, the last seq. */
  readonly #accepted: Uint32Array;
  readonly #seen: Uint32Array;
  readonly #unseen = new Set<number>();

  constructor(rooms: Rooms, offences: Offences) {
    this.#rooms = rooms;
    this.#offences = offences;
    this.#accepted = new Uint32Array(rooms.clients);
    this.#seen = new Uint32Array(rooms.clients);
  }

  accepted(client: number, seq: number): void {
    this.#accepted[client] = seq;
  }

  acceptedOf({ firstClient, part }: Room): Uint32Array {
    return this.#accepted.subarray(firstClient, firstClient + part.clients);
  }

  /** @param isInTurn Whether its event is the one after the last of the witness, which was in `row`. */
  seen(client: number, seq: number, row: number, offset: number, isInTurn: boolean): void {
    const last = this.#seen[client]!;
    if (seq > last) {
      for (let at = last + 1; at < seq && this.#unseen.size < UNSEEN_KEPT; at++) this.#unseen.add(changeOf(client, at));
      this.#seen[client] = seq;
      return;
    }
    const who = this.#nameOf(client, seq);
    if (!this.#unseen.delete(changeOf(client, seq))) {
      this.#offences.ofStream('repeated', row, offset, `${who} was merged again`);
    }
    // Out of turn, it is the stream that is out of order, which has been told.
    else if (isInTurn)
      this.#offences.ofStream('out of order', row, offset, `${who} was merged after its change ${last}`);
  }

  isSettled(): boolean {
    if (this.#unseen.size > 0) return false;
    return this.#seen.every((seen, client) => seen >= this.#accepted[client]!);
  }

  /** What has not come by now never will. What its witness has missed as a stream has been told, and may be this. */
  close(positions: Positions): void {
    for (const [client, seen] of this.#seen.entries()) {
      const missed = this.#accepted[client]! - seen;
      if (missed > 0) this.#neverCame(client, seen + 1, missed, positions);
    }
    for (const change of this.#unseen) {
      const client = Math.floor(change / SEQS);
      const witness = this.#rooms.ofClient(client).firstRow;
      if (!positions.hasJumped(witness)) this.#neverCame(client, change % SEQS, 1, positions);
    }
  }

  #neverCame(client: number, seq: number, changes: number, positions: Positions): void {
    const { firstRow, part } = this.#rooms.ofClient(client);
    if (positions.isBehind(firstRow)) return;
    const detail = `${this.#nameOf(client, seq)} was accepted and never came (${changes} in all, at no stream)`;
    this.#offences.ofStream('missing', firstRow, null, detail, changes * part.streams);
  }

  #nameOf(client: number, seq: number): string {
    return `change ${seq} of client ${client - this.#rooms.ofClient(client).firstClient}`;
  }
}

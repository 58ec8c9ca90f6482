/**
 * The ledger: every accepted change is checked off at every stream of its channel, exactly once, in order, byte by byte.
 *
 * How so little memory can decide that exactly:
 *   a stream       has only its last offset (positions.ts). The next event must be the one after it: a jump is missing
 *                  events, a step back a repeated one, or one out of order when it had been jumped over before.
 *   a channel      has the events that not every stream has had yet (room.ts, arrivals.ts). The first stream that gets an
 *                  offset sets what its bytes are, every other must get the same.
 *   the witness    the first stream of a channel, is sent whose change each event is (`with=from,seq`). Per client the
 *                  sequence numbers must be 1, 2, 3 … (changes.ts). So each accepted change is at one offset, and through
 *                  the two rules above at every stream. It also tells when the change was due, and with that how late the
 *                  event came at every stream.
 *   in the end     every stream must be at its channel's head, and the witness at the last accepted change of each client.
 */

import { nowMs } from '../measures/clock.ts';
import { hashOfText, payloadOf } from '../measures/random.ts';
import { type Counts, noCounts } from '../run/messages.ts';
import type { RoomPart } from '../run/plan.ts';
import { Arrivals } from './arrivals.ts';
import { CatchUps } from './catch-ups.ts';
import { Changes, changeOf } from './changes.ts';
import { Offences } from './offences.ts';
import { Positions } from './positions.ts';
import type { Room } from './room.ts';
import { Rooms } from './rooms.ts';

export interface LedgerOptions {
  readonly parts: readonly RoomPart[];
  readonly nonce: string;
  readonly firstStream: number;
  readonly payloadBytes: number;
  readonly lateMs: number;
}

export class Ledger {
  readonly rooms: Rooms;
  readonly offences: Offences;
  readonly counts: Counts = noCounts();
  readonly arrivals: Arrivals;
  readonly catchUps: CatchUps;
  readonly positions: Positions;
  readonly changes: Changes;
  readonly #payloadBytes: number;

  constructor({ parts, nonce, firstStream, payloadBytes, lateMs }: LedgerOptions) {
    this.#payloadBytes = payloadBytes;
    this.rooms = new Rooms(parts, nonce);
    this.offences = new Offences(this.rooms, firstStream);
    this.arrivals = new Arrivals(lateMs, this.offences);
    this.catchUps = new CatchUps(this.rooms.rows, lateMs, this.offences);
    this.positions = new Positions(this.rooms, this.offences);
    this.changes = new Changes(this.rooms, this.offences);
  }

  // Streams

  /** @param sinceMs When the stream began to come back. */
  resumed(row: number, head: number, sinceMs: number): void {
    this.catchUps.begin(row, head, sinceMs);
    this.counts.resumed++;
  }

  /** An event of a plain stream. */
  plain(row: number, prefix: string, offset: number, hash: number): void {
    const atMs = nowMs();
    const room = this.rooms.ofRow(row);
    if (!this.#isNew(row, room, prefix, offset)) return;
    const entry = this.arrivals.take(row, room, offset, hash);
    if (entry === undefined) return;
    if (!this.catchUps.took(row, offset, atMs)) this.arrivals.measure(row, entry, offset, atMs);
    if (entry.left === 0) room.trim();
  }

  /** An event of a witness, which is told whose it is. */
  witnessed(row: number, prefix: string, offset: number, event: { from?: string; seq?: number; data?: string }): void {
    const atMs = nowMs();
    const room = this.rooms.ofRow(row);
    const isInTurn = offset === this.positions.nextOf(row);
    if (!this.#isNew(row, room, prefix, offset)) return;
    const { from = '', seq = 0, data = '' } = event;
    const entry = this.arrivals.take(row, room, offset, hashOfText(data));
    const client = this.rooms.clientOf(room, from);
    if (client === undefined || !(seq >= 1)) {
      const who = `from ${from || 'nobody'}, seq ${seq}: nobody here has sent that`;
      this.offences.ofStream('foreign', row, offset, who);
      return;
    }
    if (data !== payloadOf(client - room.firstClient, seq, this.#payloadBytes)) {
      this.offences.ofStream('wrong bytes', row, offset, `${from} sent something else as its change ${seq}`);
    }
    this.changes.seen(client, seq, row, offset, isInTurn);
    if (entry === undefined) return;
    if (!this.catchUps.took(row, offset, atMs)) this.arrivals.measure(row, entry, offset, atMs);
    this.arrivals.identified(changeOf(client, seq), { room, entry, offset });
  }

  /** An open stream has ended, which was cut here, announced by the server, or neither. */
  ended(row: number, isCut: boolean, isAnnounced: boolean, isLoaded: boolean, why: string): void {
    if (isCut) return;
    if (isAnnounced) this.counts.announced++;
    else if (!isLoaded) this.counts.early++;
    else this.offences.ofStream('disconnected', row, this.positions.nextOf(row), why);
  }

  malformed(row: number, why: string): void {
    this.offences.ofStream('malformed', row, null, why);
  }

  // Clients

  /** Before it is sent: the answer and even the event may be here before anything else is done. */
  due(client: number, seq: number, dueMs: number): void {
    this.arrivals.due(changeOf(client, seq), dueMs);
  }

  refused(client: number, seq: number, why: string): void {
    this.arrivals.forget(changeOf(client, seq));
    this.offences.ofChannel('refused', this.rooms.ofClient(client), why);
  }

  // The end

  /** Whether every stream has had everything. */
  isSettled(): boolean {
    return this.counts.open === this.rooms.rows && this.positions.isSettled() && this.changes.isSettled();
  }

  /** What has not come by now never will. */
  close(): void {
    this.positions.close();
    this.changes.close(this.positions);
  }

  #isNew(row: number, room: Room, prefix: string, offset: number): boolean {
    const step = this.positions.step(row, room, prefix, offset);
    if (step === 'new') this.counts.received++;
    else if (step === 'again') {
      if (this.catchUps.isUnderWay(row)) this.counts.repeatedAfterResume++;
      else this.offences.ofStream('repeated', row, offset, `it came again after ${this.positions.nextOf(row) - 1}`);
    }
    return step === 'new';
  }
}

/**
 * The ledger: every accepted change is checked off at every stream of its channel, exactly once, in order, byte by byte.
 *
 * How so little memory can decide that exactly:
 *   a stream       has only its last offset. The next event must be the one after it: a jump is missing events, a step
 *                  back a repeated one, or one out of order when it had been jumped over before.
 *   a channel      has the events that not every stream has had yet. The first stream that gets an offset sets what its
 *                  bytes are, every other must get the same.
 *   the witness    the first stream of a channel, is sent whose change each event is (`with=from,seq`). Per client the
 *                  sequence numbers must be 1, 2, 3 … So each accepted change is at one offset, and through the two rules
 *                  above at every stream. It also tells when the change was due, and with that the latency of all.
 *   in the end     every stream must be at its channel's head, and the witness at the last accepted change of each client.
 */
import { Histogram } from './histogram.ts';
import { type Counts, noCounts, type OffenceKind } from './messages.ts';
import { Offences } from './offences.ts';
import type { RoomPart } from './plan.ts';
import { hashOfText, payloadOf } from './random.ts';
import { type Entry, Room } from './room.ts';

export interface LedgerOptions {
  readonly parts: readonly RoomPart[];
  readonly nonce: string;
  readonly firstStream: number;
  readonly payloadBytes: number;
  readonly maxLatencyMs: number;
}

/** Jumped-over offsets that are remembered per stream, to tell late from never. */
const GAP_KEPT = 1000;
/** Client and sequence number in one number: 2³² of the one, 2²¹ of the other. */
const SEQS = 2 ** 32;

export function nowMs(): number {
  return performance.timeOrigin + performance.now();
}

export function channelName(nonce: string, room: number): string {
  return `lt-${nonce}-${room}`;
}

export class Ledger {
  readonly rooms: readonly Room[];
  readonly rows: number;
  readonly clients: number;
  readonly offences = new Offences();
  readonly counts: Counts = noCounts();
  readonly latency = new Histogram();
  readonly catchUp = new Histogram();
  readonly #options: LedgerOptions;
  readonly #roomOfRow: Uint32Array;
  readonly #roomOfClient: Uint32Array;
  readonly #last: Float64Array;
  /** Until this offset a stream catches up with what it missed while it was away. */
  readonly #catchUpTo: Float64Array;
  readonly #reopenedMs = new Map<number, number>();
  readonly #gaps = new Map<number, Set<number>>();
  /** Per client: the last seq that was accepted, and the last that the witness saw. */
  readonly #accepted: Uint32Array;
  readonly #seen: Uint32Array;
  /** Seqs the witness jumped over. */
  readonly #unseen = new Set<number>();
  readonly #dueMs = new Map<number, number>();
  /** The witness saw it before its sender, another process, has told when it was due. */
  readonly #untold = new Map<number, { readonly room: Room; readonly entry: Entry; readonly offset: number }>();

  constructor(options: LedgerOptions) {
    this.#options = options;
    let row = 0;
    let client = 0;
    this.rooms = options.parts.map((part) => {
      const room = new Room(channelName(options.nonce, part.room), part, row, client);
      row += part.streams;
      client += part.clients;
      return room;
    });
    this.rows = row;
    this.clients = client;
    this.#roomOfRow = new Uint32Array(row);
    this.#roomOfClient = new Uint32Array(client);
    for (const [index, room] of this.rooms.entries()) {
      this.#roomOfRow.fill(index, room.firstRow, room.firstRow + room.part.streams);
      this.#roomOfClient.fill(index, room.firstClient, room.firstClient + room.part.clients);
    }
    this.#last = new Float64Array(row).fill(-1);
    this.#catchUpTo = new Float64Array(row);
    this.#accepted = new Uint32Array(client);
    this.#seen = new Uint32Array(client);
  }

  roomOfRow(row: number): Room {
    return this.rooms[this.#roomOfRow[row]!]!;
  }

  roomOfClient(client: number): Room {
    return this.rooms[this.#roomOfClient[client]!]!;
  }

  isWitness(row: number): boolean {
    return this.roomOfRow(row).firstRow === row;
  }

  /** Where a stream goes on when it comes back; undefined before its first answer. */
  cursorOf(row: number): string | undefined {
    const { prefix } = this.roomOfRow(row);
    const last = this.#last[row]!;
    return prefix === undefined || last < 0 ? undefined : prefix + last.toString(36);
  }

  // Streams

  /** A stream begins, live from `head` on. */
  fresh(row: number, prefix: string, head: number): void {
    const room = this.roomOfRow(row);
    if (room.prefix === undefined) room.begin(prefix, head);
    else if (room.prefix !== prefix) this.#offend('reset', row, head, 'its cursors begin otherwise than those before');
    if (this.#last[row] !== -1) {
      const missed = room.head - this.#last[row]!;
      const cursor = this.cursorOf(row);
      this.#offend('cursor ignored', row, head, `asked for what follows ${cursor}, answered fresh (${missed} behind)`);
    }
    // Whatever else was said: it goes on from here, and what lies between is missing.
    else this.#last[row] = head;
  }

  /** @param sinceMs When the stream began to come back. */
  resumed(row: number, head: number, sinceMs: number): void {
    this.#catchUpTo[row] = head;
    this.#reopenedMs.set(row, sinceMs);
    this.counts.resumed++;
  }

  wasReset(row: number, position: number, why: string): void {
    this.#offend('reset', row, this.#last[row]! + 1, why);
    const missed = position - this.#last[row]!;
    if (this.#last[row] !== -1 && missed > 0) {
      this.#offend('missing', row, this.#last[row]! + 1, `${missed} lost by a reset`, missed);
    }
    this.#last[row] = position;
  }

  /** An event of a plain stream. */
  plain(row: number, prefix: string, offset: number, hash: number): void {
    const atMs = nowMs();
    const room = this.roomOfRow(row);
    if (!this.#step(row, room, prefix, offset)) return;
    const entry = this.#arrived(row, room, offset, hash);
    if (entry === undefined) return;
    if (!this.#isCatchingUp(row, offset, atMs)) {
      if (Number.isNaN(entry.dueMs)) {
        entry.waiting ??= [];
        entry.waiting.push(row, atMs);
      } else this.#took(atMs - entry.dueMs, row, room, offset);
    }
    if (entry.left === 0) room.trim();
  }

  /** An event of a witness, which is told whose it is. */
  witnessed(row: number, prefix: string, offset: number, event: { from?: string; seq?: number; data?: string }): void {
    const atMs = nowMs();
    const room = this.roomOfRow(row);
    const isInTurn = offset === this.#last[row]! + 1;
    if (!this.#step(row, room, prefix, offset)) return;
    const { from = '', seq = 0, data = '' } = event;
    const entry = this.#arrived(row, room, offset, hashOfText(data));
    const number = this.#clientNumber(room, from);
    if (number === undefined || !(seq >= 1)) {
      this.#offend('foreign', row, offset, `from ${from || 'nobody'}, seq ${seq}: nobody here has sent that`);
      return;
    }
    if (data !== payloadOf(number, seq, this.#options.payloadBytes)) {
      this.#offend('wrong bytes', row, offset, `${from} sent something else as its change ${seq}`);
    }
    const client = room.firstClient + number;
    this.#checkOff(row, offset, client, seq, isInTurn);
    if (entry === undefined) return;
    const key = client * SEQS + seq;
    const dueMs = this.#dueMs.get(key);
    const isLive = !this.#isCatchingUp(row, offset, atMs);
    if (isLive) {
      entry.waiting ??= [];
      entry.waiting.push(row, atMs);
    }
    if (dueMs === undefined) this.#untold.set(key, { room, entry, offset });
    else {
      this.#dueMs.delete(key);
      this.#know(room, entry, dueMs, offset);
    }
  }

  /** @returns Whether it was to be expected; if not, it has been told. */
  ended(row: number, isAsked: boolean, isAnnounced: boolean, isLoaded: boolean, why: string): boolean {
    if (isAsked) return true;
    if (isAnnounced) {
      this.counts.announced++;
      return true;
    }
    if (!isLoaded) {
      this.counts.early++;
      return true;
    }
    this.#offend('disconnected', row, this.#last[row]! + 1, why);
    return false;
  }

  malformed(row: number, why: string): void {
    this.#offend('malformed', row, null, why);
  }

  // Clients

  /** Before it is sent: the answer and even the event may be here before anything else is done. */
  due(client: number, seq: number, dueMs: number): void {
    const key = client * SEQS + seq;
    const untold = this.#untold.get(key);
    if (untold === undefined) {
      this.#dueMs.set(key, dueMs);
      return;
    }
    this.#untold.delete(key);
    this.#know(untold.room, untold.entry, dueMs, untold.offset);
  }

  accepted(client: number, seq: number): void {
    this.#accepted[client] = seq;
  }

  acceptedOf(room: Room): Uint32Array {
    return this.#accepted.subarray(room.firstClient, room.firstClient + room.part.clients);
  }

  refused(client: number, seq: number, why: string): void {
    const room = this.roomOfClient(client);
    this.#dueMs.delete(client * SEQS + seq);
    this.offences.add({ kind: 'refused', channel: room.name, offset: null, stream: null, detail: why });
  }

  // The end

  /** Whether every stream has had everything. */
  isSettled(): boolean {
    if (this.counts.open < this.rows) return false;
    for (let row = 0; row < this.rows; row++) if (this.#last[row] !== this.roomOfRow(row).head) return false;
    for (let client = 0; client < this.clients; client++) {
      if (this.#seen[client]! < this.#accepted[client]!) return false;
    }
    return this.#unseen.size === 0 && this.#gaps.size === 0;
  }

  /** What has not come by now never will. */
  close(): void {
    for (let row = 0; row < this.rows; row++) {
      const missed = this.roomOfRow(row).head - this.#last[row]!;
      if (this.#last[row] === -1 || missed <= 0) continue;
      this.#offend('missing', row, this.#last[row]! + 1, `${missed} event(s) had not come when the run ended`, missed);
    }
    for (let client = 0; client < this.clients; client++) {
      const missed = this.#accepted[client]! - this.#seen[client]!;
      if (missed > 0) this.#neverMerged(client, this.#seen[client]! + 1, missed);
    }
    for (const key of this.#unseen) {
      const client = Math.floor(key / SEQS);
      // The witness itself has missed events: that has been told, and this may be one of them.
      if (!this.#gaps.has(this.roomOfClient(client).firstRow)) this.#neverMerged(client, key % SEQS, 1);
    }
  }

  #neverMerged(client: number, seq: number, changes: number): void {
    const room = this.roomOfClient(client);
    const stream = this.#options.firstStream + room.firstRow;
    // The witness alone has not had the tail: the streams' own offsets have told that already.
    if (this.#last[room.firstRow]! < room.head) return;
    const detail = `change ${seq} of client ${client - room.firstClient} was accepted and never came (${changes} in all, at no stream)`;
    this.offences.add(
      { kind: 'missing', channel: room.name, offset: null, stream, detail },
      changes * room.part.streams,
    );
  }

  /** One step of a stream. @returns Whether this is an event it has not had. */
  #step(row: number, room: Room, prefix: string, offset: number): boolean {
    const last = this.#last[row]!;
    if (prefix !== room.prefix) {
      this.#offend('reset', row, offset, `its id begins with ${prefix}, the channel's with ${room.prefix}`);
      return false;
    }
    if (offset > room.head) room.head = offset;
    if (offset === last + 1) {
      this.#last[row] = offset;
      this.counts.received++;
      return true;
    }
    if (offset > last) {
      const missed = offset - last - 1;
      this.#offend('missing', row, last + 1, `${offset} came after ${last}`, missed);
      const gap = this.#gaps.get(row) ?? new Set();
      for (let at = last + 1; at < offset && gap.size < GAP_KEPT; at++) gap.add(at);
      this.#gaps.set(row, gap);
      this.#last[row] = offset;
      this.counts.received++;
      return true;
    }
    const gap = this.#gaps.get(row);
    if (gap?.delete(offset)) {
      if (gap.size === 0) this.#gaps.delete(row);
      this.offences.cameLate(room.name, offset, this.#options.firstStream + row);
      this.counts.received++;
      return true;
    }
    if (this.#reopenedMs.has(row)) this.counts.repeatedAfterResume++;
    else this.#offend('repeated', row, offset, `it came again after ${last}`);
    return false;
  }

  #arrived(row: number, room: Room, offset: number, hash: number): Entry | undefined {
    const entry = room.entryAt(offset);
    if (entry === undefined) return undefined;
    if (entry.hash === -1) entry.hash = hash;
    else if (entry.hash !== hash)
      this.#offend('wrong bytes', row, offset, 'another stream of the channel got other bytes');
    entry.left--;
    return entry;
  }

  /** Events of while the stream was away: how late they are says nothing about the server. */
  #isCatchingUp(row: number, offset: number, atMs: number): boolean {
    if (this.#reopenedMs.size === 0) return false;
    const reopenedMs = this.#reopenedMs.get(row);
    if (reopenedMs === undefined) return false;
    if (offset > this.#catchUpTo[row]!) {
      this.#reopenedMs.delete(row);
      return false;
    }
    this.catchUp.recordMs(atMs - reopenedMs);
    if (offset === this.#catchUpTo[row]) this.#reopenedMs.delete(row);
    return true;
  }

  #checkOff(row: number, offset: number, client: number, seq: number, isInTurn: boolean): void {
    const seen = this.#seen[client]!;
    if (seq > seen) {
      for (let at = seen + 1; at < seq && this.#unseen.size < GAP_KEPT; at++) this.#unseen.add(client * SEQS + at);
      this.#seen[client] = seq;
      return;
    }
    const who = `change ${seq} of client ${client - this.roomOfClient(client).firstClient}`;
    if (!this.#unseen.delete(client * SEQS + seq)) this.#offend('repeated', row, offset, `${who} was merged again`);
    // P8. Out of turn, it is the stream that is out of order, which has been told.
    else if (isInTurn) this.#offend('out of order', row, offset, `${who} was merged after its change ${seen}`);
  }

  #know(room: Room, entry: Entry, dueMs: number, offset: number): void {
    entry.dueMs = dueMs;
    const waiting = entry.waiting ?? [];
    for (let i = 0; i < waiting.length; i += 2) this.#took(waiting[i + 1]! - dueMs, waiting[i]!, room, offset);
    entry.waiting = null;
    if (entry.left === 0) room.trim();
  }

  #took(latencyMs: number, row: number, room: Room, offset: number): void {
    this.latency.recordMs(latencyMs);
    if (latencyMs <= this.#options.maxLatencyMs) return;
    const stream = this.#options.firstStream + row;
    const detail = `${Math.round(latencyMs)} ms after its change was due`;
    this.offences.add({ kind: 'late', channel: room.name, offset, stream, detail });
  }

  #clientNumber(room: Room, from: string): number | undefined {
    if (!from.startsWith('c') || !from.endsWith(`.${this.#options.nonce}`)) return undefined;
    const number = Number(from.slice(1, -this.#options.nonce.length - 1));
    return number >= 0 && number < room.part.clients ? number : undefined;
  }

  #offend(kind: OffenceKind, row: number, offset: number | null, detail: string, times = 1): void {
    const channel = this.roomOfRow(row).name;
    this.offences.add({ kind, channel, offset, stream: this.#options.firstStream + row, detail }, times);
  }
}

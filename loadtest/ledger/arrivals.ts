/**
 * Events on their way to the streams of their channels: every stream must get the bytes that the first got, and what is
 * measured is the time from when the change was due.
 *
 * When it was due is known late in two cases: to a stream that gets an event before the witness has told whose change it is, and
 * to a witness that gets one before its sender, another process, has told. Either waits with the event.
 */
import { Histogram } from '../measures/histogram.ts';
import type { Offences } from './offences.ts';
import type { Entry, Room } from './room.ts';

interface Place {
  readonly room: Room;
  readonly entry: Entry;
  readonly offset: number;
}

export class Arrivals {
  readonly latency = new Histogram();
  readonly #offences: Offences;
  readonly #lateMs: number;
  /** By change, from when it is sent until the witness has it. */
  readonly #dueMs = new Map<number, number>();
  /** Changes that the witness saw before they were told of. */
  readonly #untold = new Map<number, Place>();

  constructor(lateMs: number, offences: Offences) {
    this.#lateMs = lateMs;
    this.#offences = offences;
  }

  /** @returns The event; undefined when every stream had it before. */
  take(row: number, room: Room, offset: number, hash: number): Entry | undefined {
    const entry = room.entryAt(offset);
    if (entry === undefined) return undefined;
    if (entry.hash === -1) entry.hash = hash;
    else if (entry.hash !== hash) {
      this.#offences.ofStream('wrong bytes', row, offset, 'another stream of the channel got other bytes');
    }
    entry.left--;
    return entry;
  }

  /** A stream got an event at `atMs`, live. */
  measure(row: number, entry: Entry, offset: number, atMs: number): void {
    if (Number.isNaN(entry.dueMs)) {
      entry.waiting ??= [];
      entry.waiting.push(row, atMs);
    } else this.#record(row, offset, atMs - entry.dueMs);
  }

  /** A change is about to be sent. */
  due(change: number, dueMs: number): void {
    const place = this.#untold.get(change);
    if (place === undefined) this.#dueMs.set(change, dueMs);
    else {
      this.#untold.delete(change);
      this.#know(place, dueMs);
    }
  }

  /** A change that will never come. */
  forget(change: number): void {
    this.#dueMs.delete(change);
  }

  /** The witness has told whose change an event is. */
  identified(change: number, place: Place): void {
    const dueMs = this.#dueMs.get(change);
    if (dueMs === undefined) this.#untold.set(change, place);
    else {
      this.#dueMs.delete(change);
      this.#know(place, dueMs);
    }
  }

  #know({ room, entry, offset }: Place, dueMs: number): void {
    entry.dueMs = dueMs;
    const waiting = entry.waiting ?? [];
    for (let i = 0; i < waiting.length; i += 2) this.#record(waiting[i]!, offset, waiting[i + 1]! - dueMs);
    entry.waiting = null;
    if (entry.left === 0) room.trim();
  }

  #record(row: number, offset: number, latencyMs: number): void {
    this.latency.recordMs(latencyMs);
    if (latencyMs <= this.#lateMs) return;
    this.#offences.ofStream('late', row, offset, `${Math.round(latencyMs)} ms after its change was due`);
  }
}

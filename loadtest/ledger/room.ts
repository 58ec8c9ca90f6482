/** A channel as one process sees it: its streams, its clients, and the events that not every stream has had yet. */
import type { RoomPart } from '../run/plan.ts';

/** An event on its way to the streams of a channel. */
export interface Entry {
  /** Of its bytes, as the first stream got them; all others are compared with that. */
  hash: number;
  /** When its change was due, by the wall clock; NaN until the witness has told whose it is. */
  dueMs: number;
  /** Streams that have not had it. */
  left: number;
  /** Which streams got it before that, and when: row, milliseconds, row, milliseconds … */
  waiting: number[] | null;
}

export class Room {
  readonly name: string;
  readonly part: RoomPart;
  /** Its streams are rows of this process, one after the other; the first is the witness. */
  readonly firstRow: number;
  readonly firstClient: number;
  /** Of its cursors, up to the offset; undefined until the first stream is open. */
  prefix: string | undefined;
  /** The newest offset that any stream has seen. */
  head = 0;
  /** Offset of `entries[0]`. */
  #base = 0;
  #entries: (Entry | undefined)[] | null = null;

  constructor(name: string, part: RoomPart, firstRow: number, firstClient: number) {
    this.name = name;
    this.part = part;
    this.firstRow = firstRow;
    this.firstClient = firstClient;
  }

  begin(prefix: string, head: number): void {
    this.prefix = prefix;
    this.head = head;
    this.#base = head + 1;
  }

  /** The event at an offset; undefined when every stream had it. */
  entryAt(offset: number): Entry | undefined {
    const index = offset - this.#base;
    if (index < 0) return undefined;
    this.#entries ??= [];
    const entries = this.#entries;
    while (entries.length <= index) entries.push(undefined);
    let entry = entries[index];
    if (entry === undefined) {
      entry = { hash: -1, dueMs: Number.NaN, left: this.part.streams, waiting: null };
      entries[index] = entry;
    }
    return entry;
  }

  /** Lets go of what every stream has had, from the oldest on. */
  trim(): void {
    const entries = this.#entries;
    if (entries === null) return;
    let done = 0;
    while (done < entries.length) {
      const entry = entries[done];
      if (entry === undefined || entry.left > 0 || Number.isNaN(entry.dueMs)) break;
      done++;
    }
    if (done === entries.length) this.#entries = null;
    else if (done > 0) entries.splice(0, done);
    this.#base += done;
  }
}

/** What went wrong, counted by kind, the first few with everything that is known of them. */
import type { Offence, OffenceCounts, OffenceKind } from '../run/messages.ts';
import type { Room } from './room.ts';
import type { Rooms } from './rooms.ts';

/** Kept whole: the first is what one looks at, a few more show the pattern. */
const KEPT = 20;

export class Offences {
  readonly counts: OffenceCounts = {};
  readonly first: Offence[] = [];
  readonly #rooms: Rooms;
  readonly #firstStream: number;

  /** @param firstStream Number of row 0, counted over all processes. */
  constructor(rooms: Rooms, firstStream: number) {
    this.#rooms = rooms;
    this.#firstStream = firstStream;
  }

  /** @param offset Null where no event is concerned. */
  ofStream(kind: OffenceKind, row: number, offset: number | null, detail: string, times = 1): void {
    const channel = this.#rooms.ofRow(row).name;
    this.#add({ kind, channel, offset, stream: this.#firstStream + row, detail }, times);
  }

  ofChannel(kind: OffenceKind, { name }: Room, detail: string): void {
    this.#add({ kind, channel: name, offset: null, stream: null, detail }, 1);
  }

  /** An event that was told to be missing has come after all, behind a later one. */
  cameAfterAll(row: number, offset: number): void {
    this.#count('missing', -1);
    this.#count('out of order', 1);
    const channel = this.#rooms.ofRow(row).name;
    const stream = this.#firstStream + row;
    const found = this.first.find(
      (one) => one.kind === 'missing' && one.channel === channel && one.offset === offset && one.stream === stream,
    );
    if (found) found.kind = 'out of order';
  }

  #add(offence: Omit<Offence, 'atMs'>, times: number): void {
    this.#count(offence.kind, times);
    if (this.first.length < KEPT) this.first.push({ atMs: Date.now(), ...offence });
  }

  #count(kind: OffenceKind, times: number): void {
    const count = (this.counts[kind] ?? 0) + times;
    if (count === 0) delete this.counts[kind];
    else this.counts[kind] = count;
  }
}

/**
 * Where each stream is: its last offset, and no more than that as long as nothing is wrong.
 *
 * Invariant: the next event is the one after the last. A jump is missing events; a step back is one that was jumped over, and
 * so out of order, or one that came before.
 */
import type { Offences } from './offences.ts';
import type { Room } from './room.ts';
import type { Rooms } from './rooms.ts';

/** Jumped-over offsets that are remembered per stream, to tell late from never. */
const GAP_KEPT = 1000;
/** Of a stream that has not been answered yet. */
const NOWHERE = -1;

export class Positions {
  readonly #rooms: Rooms;
  readonly #offences: Offences;
  readonly #last: Float64Array;
  /** Only of streams that have jumped. */
  readonly #gaps = new Map<number, Set<number>>();

  constructor(rooms: Rooms, offences: Offences) {
    this.#rooms = rooms;
    this.#offences = offences;
    this.#last = new Float64Array(rooms.rows).fill(NOWHERE);
  }

  /** The only offset that a stream may get next. */
  nextOf(row: number): number {
    return this.#last[row]! + 1;
  }

  /** What a stream sends when it comes back; undefined before its first answer. */
  cursorOf(row: number): string | undefined {
    const { prefix } = this.#rooms.ofRow(row);
    const last = this.#last[row]!;
    return prefix === undefined || last === NOWHERE ? undefined : prefix + last.toString(36);
  }

  /** A stream begins, live from `head` on. */
  begin(row: number, prefix: string, head: number): void {
    const room = this.#rooms.ofRow(row);
    const last = this.#last[row]!;
    if (room.prefix === undefined) room.begin(prefix, head);
    else if (room.prefix !== prefix) {
      this.#offences.ofStream('reset', row, head, 'its cursors begin otherwise than those before');
    }
    if (last === NOWHERE) this.#last[row] = head;
    else {
      // It stays where it was: what lies between is missing as soon as the next event shows it.
      const behind = `asked for what follows ${this.cursorOf(row)}, answered fresh (${room.head - last} behind)`;
      this.#offences.ofStream('cursor ignored', row, head, behind);
    }
  }

  /** The server says that it cannot go on where the stream was. */
  reset(row: number, position: number, why: string): void {
    const next = this.nextOf(row);
    this.#offences.ofStream('reset', row, next, why);
    const missed = position - next + 1;
    if (this.#last[row] !== NOWHERE && missed > 0) {
      this.#offences.ofStream('missing', row, next, `${missed} lost by a reset`, missed);
    }
    this.#last[row] = position;
  }

  /** @returns `again` is for the caller to judge, all else that is wrong has been told. */
  step(row: number, room: Room, prefix: string, offset: number): 'new' | 'again' | 'foreign' {
    if (prefix !== room.prefix) {
      const other = `its id begins with ${prefix}, the channel's with ${room.prefix}`;
      this.#offences.ofStream('reset', row, offset, other);
      return 'foreign';
    }
    if (offset > room.head) room.head = offset;
    const last = this.#last[row]!;
    if (offset > last) {
      if (offset > last + 1) this.#jumped(row, last, offset);
      this.#last[row] = offset;
      return 'new';
    }
    const gap = this.#gaps.get(row);
    if (!gap?.delete(offset)) return 'again';
    if (gap.size === 0) this.#gaps.delete(row);
    this.#offences.cameAfterAll(row, offset);
    return 'new';
  }

  #jumped(row: number, last: number, offset: number): void {
    const missed = offset - last - 1;
    this.#offences.ofStream('missing', row, last + 1, `${offset} came after ${last}`, missed);
    const gap = this.#gaps.get(row) ?? new Set();
    for (let at = last + 1; at < offset && gap.size < GAP_KEPT; at++) gap.add(at);
    this.#gaps.set(row, gap);
  }

  hasJumped(row: number): boolean {
    return this.#gaps.has(row);
  }

  isBehind(row: number): boolean {
    return this.#last[row]! < this.#rooms.ofRow(row).head;
  }

  /** Whether every stream has had everything that any has. */
  isSettled(): boolean {
    return this.#gaps.size === 0 && this.#last.every((last, row) => last === this.#rooms.ofRow(row).head);
  }

  /** What has not come by now never will. */
  close(): void {
    for (const [row, last] of this.#last.entries()) {
      const missed = this.#rooms.ofRow(row).head - last;
      if (last === NOWHERE || missed <= 0) continue;
      const detail = `${missed} event(s) had not come when the run ended`;
      this.#offences.ofStream('missing', row, last + 1, detail, missed);
    }
  }
}

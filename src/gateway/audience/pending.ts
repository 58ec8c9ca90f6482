/**
 * What a channel has brought since its conflating audience was last flushed: the newest event of each publisher's name.
 *
 * Taken as soon as the hub has it, for the hub's ring may have moved on when the time is up (P28). What was left out need
 * not be kept to be counted: offsets follow one another.
 *
 * Invariant: the events held are in the order of their offsets, and whoever stands at `floor` or later misses none of them.
 */
import { nameOf } from '../../domain/change.ts';
import type { Event } from '../../domain/event.ts';
import type { Epoch, Position } from '../../domain/position.ts';
import type { Hub } from '../hub/hub.ts';
import { type Conflated, conflate } from './conflation.ts';

export class Pending {
  readonly #hub: Hub;
  #newest = new Map<string, Event>();
  #epoch: Epoch = '';
  #floor = 0;
  /** Offset of the last event taken. */
  #head = 0;
  /** Before the first event after the floor: a channel that was empty goes on from where its shard is by then. */
  #start = 0;

  constructor(hub: Hub) {
    this.#hub = hub;
    this.#begin();
  }

  covers({ epoch, offset }: Position): boolean {
    return epoch === this.#epoch && offset >= this.#floor && offset <= this.#head;
  }

  /** Takes what the hub has that is new. False when more has come at once than its ring holds. */
  take(): boolean {
    if (!this.#isContinued) return false;
    const fresh = this.#hub.after(this.#head);
    if (this.#newest.size === 0 && fresh[0]) this.#start = fresh[0].offset - 1;
    for (const event of fresh) {
      const name = nameOf(event.from);
      // Set again it would keep its old place.
      this.#newest.delete(name);
      this.#newest.set(name, event);
      this.#head = event.offset;
    }
    return true;
  }

  /** For a reader that stands where the ring still reaches, and comes to wait: at the next flush it may not any more. */
  reachBack(offset: number): void {
    if (offset >= this.#floor) return;
    const older = this.#hub.after(offset).filter((event) => event.offset <= this.#floor);
    this.#floor = offset;
    if (!older[0]) return;
    this.#start = older[0].offset - 1;
    const { kept } = conflate([...older, ...this.#newest.values()]);
    this.#newest = new Map(kept.map((event) => [nameOf(event.from), event]));
  }

  /** The newest event of each name after an offset that is covered. */
  after(offset: number): Conflated {
    const kept = [...this.#newest.values()].filter((event) => event.offset > offset);
    const count = Math.max(0, this.#head - Math.max(offset, this.#start));
    return { kept, folded: count - kept.length };
  }

  /** All that was taken has been told. */
  clear(): void {
    this.#newest.clear();
    this.#floor = this.#head;
    this.#start = this.#head;
  }

  /** Some hub of the audience starts over: if it is this one, what was taken is of a log that is no more. */
  restart(): void {
    if (!this.#isContinued) this.#begin();
  }

  get #isContinued(): boolean {
    return this.#hub.covers({ epoch: this.#epoch, offset: this.#head });
  }

  #begin(): void {
    this.#epoch = this.#hub.epoch;
    this.#head = this.#hub.head;
    this.clear();
  }
}

/**
 * What a channel has brought since its conflating audience was last flushed: the newest event of each publisher's name.
 *
 * Taken as soon as the hub has it, for the hub's ring may have moved on when the time is up (P28). What was left out need
 * not be kept to be counted: offsets follow one another.
 *
 * Invariants: the events held are in the order of their offsets, and whoever stands at `floor` or later misses none of
 * them; what `account` was told, summed up, is what they cost.
 */
import { type Event, isErased } from '../../domain/event.ts';
import type { Epoch, Position } from '../../domain/position.ts';
import type { Hub } from '../hub/hub.ts';
import { conflate, nameIn } from './conflation.ts';

/** What is pending for one channel, taken out of it for a flush. */
export interface Taken {
  readonly epoch: Epoch;
  readonly floor: number;
  /** Before the first event after the floor, those that were left out included. */
  readonly start: number;
  readonly events: readonly Event[];
  readonly bytes: number;
}

/** What a name costs beside its event's bytes: the event, its place in the map, and both texts. */
const NAME_BYTES = 250;

const costOf = (event: Event) => event.bytes.length + NAME_BYTES;

export class Pending {
  readonly #hub: Hub;
  readonly #account: (bytes: number) => void;
  #newest = new Map<string, Event>();
  #bytes = 0;
  #epoch: Epoch = '';
  #floor = 0;
  /** Offset of the last event taken. */
  #head = 0;
  /** Before the first event after the floor: a channel that was empty goes on from where its shard is by then. */
  #start = 0;

  /** @param account Told by how much it grew or shrank, in bytes. */
  constructor(hub: Hub, account: (bytes: number) => void) {
    this.#hub = hub;
    this.#account = account;
    this.#begin();
  }

  get bytes(): number {
    return this.#bytes;
  }

  get isEmpty(): boolean {
    return this.#newest.size === 0;
  }

  covers({ epoch, offset }: Position): boolean {
    return epoch === this.#epoch && offset >= this.#floor && offset <= this.#head;
  }

  /** Whether it is known that no event lies after the one offset and up to the other. */
  isNothingBetween(from: number, to: number): boolean {
    if (this.#hub.covers({ epoch: this.#epoch, offset: from })) {
      const first = this.#hub.after(from)[0];
      return first === undefined || first.offset > to;
    }
    return from >= this.#floor && (this.isEmpty || this.#start >= to);
  }

  /** Takes what the hub has that is new. False when more has come at once than its ring holds, or something was erased: what is held may be. */
  take(): boolean {
    if (!this.#isContinued) return false;
    const fresh = this.#hub.after(this.#head);
    if (fresh.some(isErased)) {
      this.#begin();
      return false;
    }
    if (this.isEmpty && fresh[0]) this.#start = fresh[0].offset - 1;
    let bytes = this.#bytes;
    for (const event of fresh) {
      const name = nameIn(event);
      const older = this.#newest.get(name);
      // Set again it would keep its old place.
      if (older !== undefined) this.#newest.delete(name);
      this.#newest.set(name, event);
      bytes += costOf(event) - (older === undefined ? 0 : costOf(older));
      this.#head = event.offset;
    }
    this.#settle(bytes);
    return true;
  }

  /** For a reader that stands where the ring still reaches, and comes to wait: at the next flush it may not any more. */
  reachBack(offset: number): void {
    if (offset >= this.#floor || !this.#hub.covers({ epoch: this.#epoch, offset })) return;
    const older = this.#hub.after(offset).filter((event) => event.offset <= this.#floor);
    this.#floor = offset;
    if (!older[0]) return;
    this.#start = older[0].offset - 1;
    const { kept } = conflate([...older, ...this.#newest.values()]);
    this.#newest = new Map(kept.map((event) => [nameIn(event), event]));
    this.#settle(kept.reduce((sum, event) => sum + costOf(event), 0));
  }

  /** For a flush: what is held, which is the taker's to account for from now on. */
  takeOut(): Taken {
    const events = [...this.#newest.values()];
    const taken = { epoch: this.#epoch, floor: this.#floor, start: this.#start, events, bytes: this.#bytes };
    this.#newest.clear();
    this.#bytes = 0;
    this.#floor = this.#head;
    this.#start = this.#head;
    return taken;
  }

  /** Some hub of the audience starts over: if it is this one, what was taken is of a log that is no more. */
  restart(): void {
    if (!this.#isContinued) this.#begin();
  }

  /** Nobody who needs what is held here comes for it: who would reads history. */
  drop(): void {
    this.#newest.clear();
    this.#floor = this.#head;
    this.#start = this.#head;
    this.#settle(0);
  }

  get #isContinued(): boolean {
    return this.#hub.covers({ epoch: this.#epoch, offset: this.#head });
  }

  #begin(): void {
    this.#epoch = this.#hub.epoch;
    this.#head = this.#hub.head;
    this.drop();
  }

  #settle(bytes: number): void {
    this.#account(bytes - this.#bytes);
    this.#bytes = bytes;
  }
}

/**
 * The hubs of one shard, as far as comparing goes: which of them are level with the store, and in which order the others are
 * looked at.
 *
 * Invariant: a hub that is in none of the sets but `all`, and silent since, has what the store had at `mark`: not less, and
 * not more, which matters where the store comes back as it was then. The sets are
 *   suspected   news may have been missed: level again if the shard has not changed since the mark
 *   doubted     to be looked at, and somebody reads it; or `left`, nobody does
 *   noisy       changed, or heard of, since the mark before: to be looked at once it is silent, in turn
 *   due         to be looked at in turn
 */
import type { Channel } from '../../domain/channel.ts';
import type { Event } from '../../domain/event.ts';
import type { Epoch, Position } from '../../domain/position.ts';
import type { Changes, HistoryPage, Mark } from '../../engine/comparing.ts';

/** What a look asks for: the last event that is known, if it is held, and what follows. */
export interface Look {
  readonly after: Position;
  readonly last: Event | undefined;
}

/** A hub, as far as comparing goes. */
export interface Compared {
  readonly channel: Channel;
  readonly hasReaders: boolean;
  /** Whether it has got nothing since this was last asked, neither published nor read. */
  wasSilent(): boolean;
  /** It is level with the store, which has not changed. */
  vouch(epoch: Epoch, emptyHead: number): void;
  /** The same of one that nobody suspects. */
  moveOn(epoch: Epoch, emptyHead: number): void;
  /** Begins a look; null where none can begin now: then it asks for one as soon as it can. */
  look(): Look | null;
  /** What a look has found; null: there was no room for it. */
  looked(look: Look, page: HistoryPage | null): void;
  /** The store did not answer; it asks for another look. */
  unlooked(error: unknown): void;
  /** What was found of this one, or another, cannot be read: each is to look for itself. */
  lookAlone(): void;
}

/** How urgent what there is to do is: 0 before 1 before 2; undefined: nothing is. */
export type Urgency = 0 | 1 | 2 | undefined;

export class ShardHubs {
  readonly shard: number;
  readonly all = new Set<Compared>();
  mark: Mark | null = null;
  /** It has its turn to be asked what has changed. */
  isTurn = true;
  #suspected = new Set<Compared>();
  readonly #doubted = new Set<Compared>();
  readonly #left = new Set<Compared>();
  readonly #noisy = new Set<Compared>();
  readonly #due = new Set<Compared>();

  constructor(shard: number) {
    this.shard = shard;
  }

  get urgency(): Urgency {
    if (this.#suspected.size > 0 || this.#doubted.size > 0) return 0;
    if (this.#left.size > 0) return 1;
    return this.isTurn || this.#due.size > 0 ? 2 : undefined;
  }

  /** Whether it is to be asked what has changed, before anything is looked at. */
  get isToBeAsked(): boolean {
    return this.#suspected.size > 0 || (this.isTurn && this.#doubted.size === 0 && this.#left.size === 0);
  }

  remove(hub: Compared): void {
    this.all.delete(hub);
    this.#suspected.delete(hub);
    this.#doubted.delete(hub);
    this.#left.delete(hub);
    this.#forgetTurn(hub);
  }

  suspect(hub: Compared): void {
    if (!this.#isDoubted(hub)) this.#suspected.add(hub);
  }

  doubt(hub: Compared): void {
    this.#suspected.delete(hub);
    this.#forgetTurn(hub);
    if (!this.#isDoubted(hub)) (hub.hasReaders ? this.#doubted : this.#left).add(hub);
  }

  /** Somebody waits for it. */
  prefer(hub: Compared): void {
    if (this.#left.delete(hub)) this.#doubted.add(hub);
  }

  /** Those that are suspected now, for whom the next answer counts. */
  takeSuspected(): ReadonlySet<Compared> {
    const suspected = this.#suspected;
    this.#suspected = new Set();
    return suspected;
  }

  /** @param suspected When the question was asked. */
  judge(hub: Compared, suspected: ReadonlySet<Compared>, changed: ReadonlySet<Channel> | null, found: Changes): void {
    const wasSilent = hub.wasSilent();
    const hasTurn = has(this.#noisy, hub) || has(this.#due, hub);
    const isInQuestion = hasTurn || changed === null || (changed.size > 0 && changed.has(hub.channel));
    if (this.#isDoubted(hub)) return;
    if (has(suspected, hub)) {
      if (isInQuestion || !wasSilent) this.doubt(hub);
      else hub.vouch(found.epoch, found.emptyHead);
    } else if (!wasSilent) {
      if (!has(this.#due, hub)) this.#noisy.add(hub);
    } else if (isInQuestion) {
      this.#noisy.delete(hub);
      this.#due.add(hub);
    } else if (!has(this.#suspected, hub)) {
      hub.moveOn(found.epoch, found.emptyHead);
    }
  }

  /**
   * The next to be looked at.
   *
   * @param dueMax Of those that have their turn.
   */
  take(max: number, dueMax: number): Compared[] {
    const from = this.#doubted.size > 0 ? this.#doubted : this.#left.size > 0 ? this.#left : this.#due;
    const most = from === this.#due ? Math.min(max, dueMax) : max;
    const taken: Compared[] = [];
    for (const hub of from) {
      if (taken.length === most) break;
      from.delete(hub);
      taken.push(hub);
    }
    return taken;
  }

  #isDoubted(hub: Compared): boolean {
    return has(this.#doubted, hub) || has(this.#left, hub);
  }

  #forgetTurn(hub: Compared): void {
    this.#noisy.delete(hub);
    this.#due.delete(hub);
  }
}

/** Of tens of thousands of hubs, most are in none of the sets and most sets are empty: looking into one costs a cache miss. */
function has(set: ReadonlySet<Compared>, hub: Compared): boolean {
  return set.size > 0 && set.has(hub);
}

/**
 * The hubs of one shard, as far as comparing goes: which of them are level with the store, and in which order the others are
 * looked at.
 *
 * Invariant: a hub that is level, not suspected, and silent since, has what the store had at `mark`: not less, and not more,
 * which matters where the store comes back as it was then. Suspected is of which news may have been missed: level again if the
 * shard has not changed since the mark.
 */
import { Chain, type Linked } from '../../domain/chain.ts';
import type { Channel } from '../../domain/channel.ts';
import type { Event } from '../../domain/event.ts';
import type { Epoch, Position } from '../../domain/position.ts';
import type { Changes, HistoryPage, Mark } from '../../engine/comparing.ts';

/** What a look asks for: the last event that is known, if it is held, and what follows. */
export interface Look {
  readonly after: Position;
  readonly last: Event | undefined;
}

/**
 * How a hub stands with the store:
 *   level     but for what is published and on its way
 *   noisy     changed, or heard of, since the mark before: to be looked at once it is silent, in turn
 *   due       to be looked at in turn
 *   left      to be looked at, and nobody reads it
 *   doubted   to be looked at, and somebody does
 */
export type Standing = 'level' | 'noisy' | 'due' | 'left' | 'doubted';

/** A hub, as far as comparing goes. */
export interface Compared extends Linked {
  readonly channel: Channel;
  /** `level` to begin with; kept by `ShardHubs`. */
  standing: Standing;
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
  /** In the order in which they are looked at. */
  readonly #queues = { doubted: new Chain<Compared>(), left: new Chain<Compared>(), due: new Chain<Compared>() };

  constructor(shard: number) {
    this.shard = shard;
  }

  get urgency(): Urgency {
    const { doubted, left, due } = this.#queues;
    if (this.#suspected.size > 0 || doubted.first) return 0;
    if (left.first) return 1;
    return this.isTurn || due.first ? 2 : undefined;
  }

  /** Whether it is to be asked what has changed, before anything is looked at. */
  get isToBeAsked(): boolean {
    const { doubted, left } = this.#queues;
    return this.#suspected.size > 0 || (this.isTurn && !doubted.first && !left.first);
  }

  remove(hub: Compared): void {
    this.all.delete(hub);
    this.#suspected.delete(hub);
    this.#put(hub, 'level');
  }

  suspect(hub: Compared): void {
    if (!isDoubted(hub)) this.#suspected.add(hub);
  }

  doubt(hub: Compared): void {
    this.#suspected.delete(hub);
    if (!isDoubted(hub)) this.#put(hub, hub.hasReaders ? 'doubted' : 'left');
  }

  /** Somebody waits for it. */
  prefer(hub: Compared): void {
    if (hub.standing === 'left') this.#put(hub, 'doubted');
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
    if (isDoubted(hub)) return;
    const hasTurn = hub.standing !== 'level';
    const isInQuestion = hasTurn || changed === null || (changed.size > 0 && changed.has(hub.channel));
    if (has(suspected, hub)) {
      if (isInQuestion || !wasSilent) this.doubt(hub);
      else hub.vouch(found.epoch, found.emptyHead);
    } else if (!wasSilent) {
      if (hub.standing === 'level') this.#put(hub, 'noisy');
    } else if (isInQuestion) {
      if (hub.standing !== 'due') this.#put(hub, 'due');
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
    const { doubted, left, due } = this.#queues;
    const from = doubted.first ? doubted : left.first ? left : due;
    const most = from === due ? Math.min(max, dueMax) : max;
    const taken: Compared[] = [];
    for (let hub = from.first; hub && taken.length < most; hub = from.first) {
      this.#put(hub, 'level');
      taken.push(hub);
    }
    return taken;
  }

  /** It leaves the queue that it is in, whichever that is. */
  #put(hub: Compared, standing: Standing): void {
    hub.standing = standing;
    if (standing === 'level' || standing === 'noisy') this.#queues.due.remove(hub);
    else this.#queues[standing].append(hub);
  }
}

function isDoubted({ standing }: Compared): boolean {
  return standing === 'doubted' || standing === 'left';
}

/** Of tens of thousands of hubs most are not suspected, and most sets are empty: looking into one costs a cache miss. */
function has(set: ReadonlySet<Compared>, hub: Compared): boolean {
  return set.size > 0 && set.has(hub);
}

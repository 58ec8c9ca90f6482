/**
 * What a hub gives to its readers from their positions: from its ring where that covers them, else from history, one read for
 * all who ask for the same.
 */
import type { Channel } from '../../domain/channel.ts';
import type { Epoch, Position } from '../../domain/position.ts';
import type { HistoryPage } from '../../engine/comparing.ts';
import type { Histories } from '../../engine/engine.ts';
import { EngineUnavailable } from '../../errors.ts';
import { type HubPage, PAGE_BYTES, PAGE_EVENTS, pageOf } from './hub-page.ts';
import type { Ring } from './ring.ts';
import { SingleFlight } from './single-flight.ts';
import { Slots } from './slots.ts';

/** Pages under way at a time, for all hubs, 256 KiB and a change each: what is read ahead of its turn would only lie about. */
const PAGES_MAX = 32;

export function createPageSlots(): Slots {
  return new Slots(PAGES_MAX);
}

/** The hub, as far as its pages go. */
export interface PagedHub {
  readonly channel: Channel;
  readonly epoch: Epoch;
  readonly head: number;
  /** How often the store was compared with. */
  readonly comparisons: number;
  readonly isStoreAway: boolean;
  covers(position: Position): boolean;
  /** Compares with the store. Rejects when that does not answer. */
  repaired(): Promise<void>;
}

export class HubPages {
  readonly #hub: PagedHub;
  readonly #ring: Ring;
  readonly #histories: Histories;
  readonly #slots: Slots;
  readonly #flights = new SingleFlight<HistoryPage>();

  constructor(hub: PagedHub, ring: Ring, histories: Histories, slots: Slots) {
    this.#hub = hub;
    this.#ring = ring;
    this.#histories = histories;
    this.#slots = slots;
  }

  /** The events after a position, up to the head. A gap is only ever reported from the store itself. */
  async page(position: Position, limit: number = PAGE_EVENTS): Promise<HubPage> {
    const hub = this.#hub;
    const { offset } = position;
    if (hub.covers(position)) return pageOf(this.#ring.after(offset, limit), hub, offset, hub.head);
    // Ahead of us, or of another epoch: we may be the one who is behind.
    if (position.epoch !== hub.epoch || offset > hub.head) await hub.repaired();
    const { head, comparisons } = hub;
    const { erasures } = this.#ring;
    const page = await this.#read(position, limit);
    // It may have been read before some of it was erased.
    if (erasures !== this.#ring.erasures) return this.page(position, limit);
    if (page.kind === 'gap') return page;
    const isBehind = page.log.epoch === hub.epoch && page.log.head < head;
    // Of a log that may have been rewritten before, or since we compared: whoever is given this could not be told any more.
    if (isBehind) await hub.repaired();
    if (isBehind || comparisons !== hub.comparisons) return this.page(position, limit);
    if (page.log.epoch === hub.epoch) this.#ring.extendBack(offset, page.events);
    const found = pageOf(page.events, page.log, offset, hub.head);
    // Nothing new, and yet our ring begins later: the store must be behind us.
    if (found.through === offset && !hub.covers({ epoch: found.epoch, offset })) await hub.repaired();
    return found;
  }

  #read(position: Position, limit: number): Promise<HistoryPage> {
    const read = async () => {
      // Who waited for its turn is told so, and not once each of those before has found out for itself.
      if (this.#hub.isStoreAway) throw new EngineUnavailable('the store is away');
      return this.#histories.readHistory(this.#hub.channel, position, limit, PAGE_BYTES);
    };
    const key = `${position.epoch}.${position.offset}.${limit}.${this.#ring.erasures}`;
    return this.#flights.run(key, () => this.#slots.run(read));
  }
}

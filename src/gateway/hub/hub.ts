/**
 * A hub: a gateway's view of one channel, kept true by comparing, never by trusting that pub/sub brings everything.
 *
 * It holds the epoch, the head and a ring of the newest events. It is
 *   opening    until the subscription is acknowledged and head and tail have been read; then
 *   live       what is published and follows the head is appended and told to the readers; and
 *   repairing  after a hole, another epoch, a difference or a `suspect`: the last known event is looked for, and where the
 *              log has more, that is read page by page; what is published meanwhile waits. Then it is live again.
 * Events that arrive twice are compared with those held. A difference, or a store that is behind what was seen here,
 * means that the log was rewritten: the hub gives the evidence to the engine, which names a new epoch.
 * Readers hold positions of their own. All a hub ever tells them is: there is more (`advanced`), or: start over from
 * your cursor (`restarted`). Pub/sub dropping a batch therefore costs a read of history, and nobody an event.
 */
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { type Channel, shardOf } from '../../domain/channel.ts';
import type { Event } from '../../domain/event.ts';
import type { Epoch, LogBounds, Position } from '../../domain/position.ts';
import { SmallSet } from '../../domain/small-set.ts';
import type { ChannelObserver, Evidence, Snapshot, Subscription } from '../../engine/engine.ts';
import { type Extent, judge, readFrom } from './comparison.ts';
import type { HubDeps } from './hub-deps.ts';
import type { HubPage } from './hub-page.ts';
import { createPageSlots, HubPages } from './hub-pages.ts';
import { Patience } from './patience.ts';
import { Ring } from './ring.ts';
import { Snapshots } from './snapshots.ts';
import { Waiting } from './waiting.ts';

export interface HubReader {
  /** The hub's head has moved: there are events after it. */
  advanced(): void;
  /** The hub's log is another one, or it has lost the thread: go back to the cursor you gave out last. */
  restarted(): void;
}

/** Newest events read when a hub opens: enough for those who were away for a moment. */
const TAIL_EVENTS = 64;
/** The same where changes are large: it is read for every name that somebody asks for. */
const TAIL_BYTES = 64 << 10;
/** Between two tries of a repair that failed: the store is away, and all hubs wait for it, so not all at once. */
const RETRY_MIN_MS = 250;
const RETRY_MAX_MS = 2000;

export class Hub implements ChannelObserver {
  readonly channel: Channel;
  readonly readers = new SmallSet<HubReader>();
  readonly #deps: HubDeps;
  readonly #ring: Ring;
  #epoch: Epoch = '';
  #oldest = 1;
  #phase: 'opening' | 'live' | 'repairing' | 'closed' = 'opening';
  readonly #waiting: Waiting;
  #wasHeard = false;
  #repairAgain = false;
  #comparisons = 0;
  #repairing: Promise<void> | null = null;
  /** Of those who wait for a repair; null while nobody does. */
  #patience: Patience | null = null;
  #subscription: Subscription | null = null;
  readonly #pages: HubPages;
  readonly #snapshots: Snapshots;
  /** Resolves when the hub is live for the first time; rejects when it cannot be opened. */
  readonly opened: Promise<void>;

  constructor(channel: Channel, deps: HubDeps) {
    this.channel = channel;
    this.#deps = deps;
    const account = (bytes: number) => deps.account(bytes, this);
    this.#ring = new Ring(account, deps.ringMaxBytes);
    this.#waiting = new Waiting(account);
    this.#snapshots = deps.snapshots ?? new Snapshots(deps.engine);
    this.#pages = new HubPages(this, this.#ring, deps.engine, deps.pages ?? createPageSlots());
    this.opened = this.#open();
    this.opened.catch(() => this.close());
  }

  get epoch(): Epoch {
    return this.#epoch;
  }

  get head(): number {
    return this.#ring.head;
  }

  /** Everything after this, up to the head, is in the ring. */
  get floor(): number {
    return this.#ring.floor;
  }

  /** Oldest event that was kept when the log was last looked at. */
  get oldest(): number {
    return this.#oldest;
  }

  /** Whether the store is known to be away: then nobody can say whether the head is still that. */
  get isStoreAway(): boolean {
    return this.#deps.isAway?.() ?? false;
  }

  get isClosed(): boolean {
    return this.#phase === 'closed';
  }

  /** Whether everything after the position, up to the head, is in the ring. */
  covers({ epoch, offset }: Position): boolean {
    return epoch === this.#epoch && offset >= this.#ring.floor && offset <= this.#ring.head;
  }

  /** The events after an offset that is covered, oldest first. */
  after(offset: number): readonly Event[] {
    return this.#ring.after(offset);
  }

  /** How often the store was compared with. */
  get comparisons(): number {
    return this.#comparisons;
  }

  /**
   * The events after any position, up to the head (`hub-pages.ts`).
   *
   * @param limit Events at most; there may be fewer where they are large, but one where there is any.
   */
  page(position: Position, limit?: number): Promise<HubPage> {
    return this.#pages.page(position, limit);
  }

  snapshot(): Promise<Snapshot> {
    return this.#snapshots.of(this.channel);
  }

  published(epoch: Epoch, events: readonly Event[]): void {
    this.#wasHeard = true;
    if (this.#phase === 'live') {
      if (!this.#take(epoch, events)) void this.repair();
    } else if (this.#phase !== 'closed') {
      if (!this.#waiting.add({ epoch, events })) this.#repairAgain = true;
    }
  }

  /** Whether nothing has been published since this was last asked. */
  wasSilent(): boolean {
    const wasSilent = !this.#wasHeard;
    this.#wasHeard = false;
    return wasSilent;
  }

  suspect(): void {
    void this.repair();
  }

  /** Compares with the store and takes over what is missing. Resolves when the hub is live again, or closed. */
  repair(): Promise<void> {
    this.#repairAgain = true;
    this.#repairing ??= this.#repair().finally(() => {
      this.#repairing = null;
    });
    return this.#repairing;
  }

  /** The same for a reader that waits for it: rejects when the store does not answer, while the hub goes on to try. */
  repaired(): Promise<void> {
    this.#patience ??= new Patience();
    return this.#patience.until(this.repair());
  }

  /** Whether the ring holds more than its last event, which it does not give up. */
  get canShrink(): boolean {
    return this.#ring.size > 1;
  }

  /** Gives up the oldest events of the ring; readers that need them read history. */
  shrink(): void {
    this.#ring.shrink();
  }

  close(): void {
    this.#phase = 'closed';
    this.#subscription?.close();
    this.#ring.begin(this.head);
    this.#waiting.take();
  }

  async #open(): Promise<void> {
    const subscription = await this.#deps.engine.subscribe(this.channel, this);
    if (this.isClosed) return subscription.close();
    this.#subscription = subscription;
    // Acknowledged: whatever is committed from now on reaches `published`, so nothing falls between it and this read.
    const page = await this.#deps.engine.readHistory(this.channel, null, TAIL_EVENTS, TAIL_BYTES);
    if (this.isClosed) return;
    const tail = page.kind === 'events' ? page.events : [];
    this.#begin(page.log, tail);
    if (!this.#goLive() || this.#repairAgain) void this.repair();
  }

  async #repair(): Promise<void> {
    if (this.#phase === 'opening') await this.opened.catch(() => this.close());
    if (this.#phase === 'live') this.#phase = 'repairing';
    let retryMs = RETRY_MIN_MS;
    do {
      this.#repairAgain = false;
      try {
        await this.#compare();
      } catch (error) {
        this.#deps.onError(this.channel, error);
        this.#patience?.end(error);
        this.#patience = null;
        this.#repairAgain = true;
        await sleep(retryMs * (0.5 + Math.random()));
        retryMs = Math.min(RETRY_MAX_MS, retryMs * 2);
      }
    } while (!this.isClosed && (this.#repairAgain || !this.#goLive()));
  }

  /** A look at the store, and as many pages as it has more (`comparison.ts`). What has come stays, whatever comes of the next. */
  async #compare(): Promise<void> {
    if (!(await this.#step('look'))) return;
    while (await this.#step('page')) await nextTurn();
  }

  /** @returns Whether the log has more that can be read now. */
  async #step(extent: Extent): Promise<boolean> {
    // Published before the read that follows, so contained in it, or in the log beyond it.
    this.#waiting.take();
    const { head } = this;
    const last = this.#ring.at(head);
    const at = { epoch: this.#epoch, offset: head };
    const page = await readFrom(this.#deps.engine, this.channel, at, last, extent);
    if (this.isClosed) return false;
    this.#comparisons++;
    // A page has come to the ring meanwhile, of which nothing was compared.
    if (this.#ring.at(head) !== last) return true;
    const verdict = judge(page, this.#ring, head);
    if (verdict.kind === 'behind') await this.#accuse(verdict.seen);
    if (verdict.kind === 'another') this.#restart(verdict.log);
    return verdict.kind === 'same' && this.#follow(verdict.log, verdict.events, extent);
  }

  /** Takes what a look or a page has brought. @returns Whether the log has more that can be read now. */
  #follow(log: LogBounds, events: readonly Event[], extent: Extent): boolean {
    const { head } = this;
    this.#oldest = log.oldest;
    this.#append(events);
    if (this.head >= log.head) return false;
    // The channel is empty and its shard has moved on: the position of an empty channel moves with it. Whoever waits for its
    // first event still misses nothing, from wherever the ring began.
    if (events.length === 0) this.#ring.begin(this.#ring.at(head) ? head : this.#ring.floor, log.head);
    return events.length > 0 && (extent === 'look' || this.head > head);
  }

  /** The store is behind what was seen here, or has something else in its place. */
  async #accuse(seen: Event | undefined): Promise<void> {
    const { channel, head } = this;
    const { engine } = this.#deps;
    const evidence: Evidence = seen ? { kind: 'event', channel, event: seen } : { kind: 'head', channel, offset: head };
    const { kind } = await engine.renew(shardOf(channel, engine.shards), this.#epoch, evidence);
    if (kind === 'kept') await sleep(RETRY_MIN_MS);
    this.#repairAgain = true;
  }

  /** Takes what was published if it follows; false when history has to be read. */
  #take(epoch: Epoch, events: readonly Event[]): boolean {
    if (epoch !== this.#epoch || events[0]!.offset > this.head + 1) return false;
    if (events.some((event) => this.#ring.contradicts(event))) return false;
    this.#append(events);
    return true;
  }

  #append(events: readonly Event[]): void {
    const fresh =
      events[0] && events[0].offset > this.head ? events : events.filter(({ offset }) => offset > this.head);
    if (fresh.length === 0) return;
    this.#ring.append(fresh);
    this.#deps.onEvents?.(this.channel, fresh);
    for (const reader of this.readers) reader.advanced();
  }

  #begin(log: LogBounds, tail: readonly Event[]): void {
    this.#epoch = log.epoch;
    this.#oldest = log.oldest;
    this.#ring.begin(tail[0] ? tail[0].offset - 1 : log.head);
    this.#append(tail);
  }

  #restart(log: LogBounds): void {
    this.#begin(log, []);
    for (const reader of [...this.readers]) reader.restarted();
  }

  /** Takes what waited; false when that leaves a hole. */
  #goLive(): boolean {
    const fits = this.#waiting.take().every(({ epoch, events }) => this.#take(epoch, events));
    if (fits) this.#phase = 'live';
    return fits;
  }
}

/**
 * A hub: a gateway's view of one channel, kept true by comparing, never by trusting that pub/sub brings everything.
 *
 * It holds the epoch, the head and a ring of the newest events. It is
 *   opening    until the subscription is acknowledged and head and tail have been read; then
 *   live       what is published and follows the head is appended and told to the readers; and
 *   repairing  after a hole, another epoch, a difference or a `suspect` (`repair.ts`): it is vouched for, or the last known
 *              event is looked for and what follows is read; what is published meanwhile waits. Then it is live again.
 * Events that arrive twice are compared with those held. A difference, or a store that is behind what was seen here,
 * means that the log was rewritten: the hub gives the evidence to the engine, which names a new epoch.
 * Readers hold positions of their own. All a hub ever tells them is: there is more (`advanced`), or: start over from
 * your cursor (`restarted`). Pub/sub dropping a batch therefore costs a read of history, and nobody an event.
 */
import type { Linked } from '../../domain/chain.ts';
import type { Channel } from '../../domain/channel.ts';
import type { Event } from '../../domain/event.ts';
import { type Epoch, type LogBounds, type Position, reachOf } from '../../domain/position.ts';
import { SmallSet } from '../../domain/small-set.ts';
import type { ChannelObserver, Snapshot, Subscription } from '../../engine/engine.ts';
import { createComparer } from './comparer.ts';
import type { Extent } from './comparison.ts';
import type { HubDeps } from './hub-deps.ts';
import type { HubPage } from './hub-page.ts';
import { createPageSlots, HubPages } from './hub-pages.ts';
import { Repair, type RepairedHub } from './repair.ts';
import { type Account, Ring } from './ring.ts';
import { Snapshots } from './snapshots.ts';
import { type Batch, Waiting } from './waiting.ts';

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
const NOTHING: readonly Batch[] = [];
const OPENED = Promise.resolve();

export class Hub implements ChannelObserver, RepairedHub, Account {
  readonly channel: Channel;
  readonly readers = new SmallSet<HubReader>();
  /** Of its place among those whose rings can shrink (`ring-budget.ts`). */
  previous: Linked | undefined = undefined;
  next: Linked | undefined = undefined;
  readonly #deps: HubDeps;
  readonly #ring: Ring;
  #epoch: Epoch = '';
  #shardEpoch: Epoch = '';
  #parentEpoch: Epoch | undefined;
  #oldest = 1;
  #phase: 'opening' | 'live' | 'repairing' | 'closed' = 'opening';
  /** When its log was last looked at. */
  #isEmpty = false;
  /** Null while nothing does, as in nearly all hubs. */
  #waiting: Waiting | null = null;
  readonly #repair: Repair;
  #subscription: Subscription | null = null;
  /** Null until it is asked for one that the ring does not cover. */
  #pages: HubPages | null = null;
  readonly #snapshots: Snapshots;
  /** Null once it is over, as in nearly all hubs. */
  #opening: Promise<void> | null;

  constructor(channel: Channel, deps: HubDeps) {
    this.channel = channel;
    this.#deps = deps;
    this.#ring = new Ring(this, deps.ringMaxBytes);
    this.#snapshots = deps.snapshots ?? new Snapshots(deps.engine);
    this.#repair = new Repair(this, this.#ring, deps, deps.comparer ?? createComparer({ engine: deps.engine }));
    this.#opening = this.#open();
    this.#opening.then(
      () => {
        this.#opening = null;
      },
      () => this.close(),
    );
  }

  /** Resolves when the hub is live for the first time; rejects when it cannot be opened. */
  get opened(): Promise<void> {
    return this.#opening ?? OPENED;
  }

  get epoch(): Epoch {
    return this.#epoch;
  }

  /** The same, but of a channel that another reducer has begun anew. */
  get shardEpoch(): Epoch {
    return this.#shardEpoch;
  }

  /** The one before, where positions of that may be of this one as well. */
  get parentEpoch(): Epoch | undefined {
    return this.#parentEpoch;
  }

  get head(): number {
    return this.#ring.head;
  }

  /** Everything after this, up to the head, is in the ring. */
  get floor(): number {
    return this.#ring.floor;
  }

  /** Oldest event that could be asked for when the log was last looked at. */
  get oldest(): number {
    return this.#oldest;
  }

  /** Whether the store is known to be away: then nobody can say whether the head is still that. */
  get isStoreAway(): boolean {
    return this.#deps.isAway?.(this.channel) ?? false;
  }

  get isOpening(): boolean {
    return this.#phase === 'opening';
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

  get comparisons(): number {
    return this.#repair.comparisons;
  }

  /**
   * The events after any position, up to the head (`hub-pages.ts`).
   *
   * @param limit Events at most; there may be fewer where they are large, but one where there is any.
   */
  page(position: Position, limit?: number): Promise<HubPage> {
    const { engine, histories = engine, pages } = this.#deps;
    this.#pages ??= new HubPages(this, this.#ring, histories, pages ?? createPageSlots());
    return this.#pages.page(position, limit);
  }

  snapshot(): Promise<Snapshot> {
    return this.#snapshots.of(this.channel);
  }

  /** Of its log, as the store has it now. */
  async bounds(): Promise<LogBounds> {
    return (await this.#deps.engine.readHistory(this.channel, null, 0)).log;
  }

  published(epoch: Epoch, events: readonly Event[]): void {
    this.#repair.heard();
    if (this.#phase === 'live') {
      if (!this.#take(epoch, events)) this.#repair.doubt();
    } else if (this.#phase !== 'closed') {
      this.#waiting ??= new Waiting(this);
      if (!this.#waiting.add({ epoch, events })) this.#repair.doubt();
    }
  }

  suspect(): void {
    this.#repair.suspect();
  }

  /** Compares with the store and takes over what is missing. Resolves when the hub is live again, or closed. */
  repair(): Promise<void> {
    return this.#repair.run();
  }

  /** The same for a reader that waits for it: rejects when the store does not answer, while the hub goes on to try. */
  repaired(): Promise<void> {
    return this.#repair.awaited();
  }

  /** It gets a reader: where many are compared, it comes before those that nobody reads. */
  prefer(): void {
    this.#repair.prefer();
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
    this.dropWaiting();
    this.#repair.close();
  }

  hold(): void {
    if (this.#phase === 'live') this.#phase = 'repairing';
  }

  dropWaiting(): void {
    this.#takeWaiting();
  }

  account(bytes: number): void {
    this.#deps.account(bytes, this);
  }

  goLive(): boolean {
    const fits = this.#takeWaiting().every(({ epoch, events }) => this.#take(epoch, events));
    if (fits) this.#phase = 'live';
    return fits;
  }

  follow(log: LogBounds, events: readonly Event[], extent: Extent): boolean {
    const { head } = this;
    this.#oldest = reachOf(log);
    this.#isEmpty = log.base === log.head;
    this.#append(events);
    if (this.head >= log.head) return false;
    this.#repair.heard();
    // The channel is empty and its shard has moved on: the position of an empty channel moves with it. Whoever waits for its
    // first event still misses nothing, from wherever the ring began.
    if (events.length === 0) this.#ring.begin(this.#ring.at(head) ? head : this.#ring.floor, log.head);
    return events.length > 0 && (extent === 'look' || this.head > head);
  }

  moveOn(epoch: Epoch, emptyHead: number): void {
    if (!this.#isEmpty || epoch !== this.#shardEpoch || emptyHead <= this.head) return;
    if (this.#oldest > this.head) this.#oldest = emptyHead + 1;
    this.#ring.begin(this.#ring.floor, emptyHead);
  }

  restart(log: LogBounds): void {
    this.#begin(log, []);
    for (const reader of [...this.readers]) reader.restarted();
  }

  async #open(): Promise<void> {
    const subscription = await this.#deps.engine.subscribe(this.channel, this);
    if (this.isClosed) return subscription.close();
    this.#subscription = subscription;
    // Acknowledged: whatever is committed from now on reaches `published`, so nothing falls between it and this read.
    const page = await this.#deps.engine.readHistory(this.channel, null, TAIL_EVENTS, TAIL_BYTES);
    if (this.isClosed) return;
    this.#begin(page.log, page.kind === 'events' ? page.events : []);
    this.#phase = 'repairing';
    this.#repair.opened();
  }

  #takeWaiting(): readonly Batch[] {
    const batches = this.#waiting?.take() ?? NOTHING;
    this.#waiting = null;
    return batches;
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
    this.#isEmpty = false;
    this.#repair.heard();
    this.#ring.append(fresh);
    this.#deps.onEvents?.(this.channel, fresh);
    for (const reader of this.readers) reader.advanced();
  }

  #begin(log: LogBounds, tail: readonly Event[]): void {
    this.#epoch = log.epoch;
    this.#shardEpoch = log.shardEpoch ?? log.epoch;
    this.#parentEpoch = log.parent;
    this.#oldest = reachOf(log);
    this.#isEmpty = log.base === log.head;
    this.#repair.heard();
    this.#ring.begin(tail[0] ? tail[0].offset - 1 : log.head);
    this.#append(tail);
  }
}

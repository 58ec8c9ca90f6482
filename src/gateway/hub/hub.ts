/**
 * A hub: a gateway's view of one channel, kept true by comparing, never by trusting that pub/sub brings everything.
 *
 * It holds the epoch, the head and a ring of the newest events. It is
 *   opening    until the subscription is acknowledged and head and tail have been read; then
 *   live       what is published and follows the head is appended and told to the readers; and
 *   repairing  after a hole, another epoch, a difference or a `suspect`: history is read from the last known event,
 *              that one included, and what was published meanwhile waits. Then it is live again.
 * Events that arrive twice are compared with those held. A difference, or a store that is behind what was seen here,
 * means that the log was rewritten: the hub gives the evidence to the engine, which names a new epoch.
 * Readers hold positions of their own. All a hub ever tells them is: there is more (`advanced`), or: start over from
 * your cursor (`restarted`). Pub/sub dropping a batch therefore costs a read of history, and nobody an event.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Channel, shardOf } from '../../domain/channel.ts';
import type { Event } from '../../domain/event.ts';
import type { Epoch, LogBounds, Position } from '../../domain/position.ts';
import { SmallSet } from '../../domain/small-set.ts';
import type { ChannelObserver, Engine, Evidence, HistoryPage, Snapshot, Subscription } from '../../engine/engine.ts';
import { judge, readFrom } from './comparison.ts';
import { type HubPage, PAGE_EVENTS, pageLimit, pageOf } from './hub-page.ts';
import { Ring } from './ring.ts';
import { SingleFlight } from './single-flight.ts';

export interface HubReader {
  /** The hub's head has moved: there are events after it. */
  advanced(): void;
  /** The hub's log is another one, or it has lost the thread: go back to the cursor you gave out last. */
  restarted(): void;
}

export interface HubDeps {
  readonly engine: Engine;
  /** Told by how much the ring grew or shrank, in bytes. */
  readonly account: (bytes: number) => void;
  readonly onError: (channel: Channel, error: unknown) => void;
  /** Told what it has that is new, for whoever follows a trace. */
  readonly onEvents?: (channel: Channel, events: readonly Event[]) => void;
}

/** Newest events read when a hub opens: enough for those who were away for a moment. */
const TAIL_EVENTS = 64;
/** Batches that may wait for a repair; more are dropped, and read from history instead. */
const WAITING_MAX_BATCHES = 1000;
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
  #waiting: { epoch: Epoch; events: readonly Event[] }[] = [];
  #wasHeard = false;
  #repairAgain = false;
  /** How often the store was compared with. */
  #comparisons = 0;
  #repairing: Promise<void> | null = null;
  #waitingReaders: Set<(error: unknown) => void> | null = null;
  #subscription: Subscription | null = null;
  readonly #pages = new SingleFlight<HistoryPage>();
  readonly #snapshots = new SingleFlight<Snapshot>();
  /** Resolves when the hub is live for the first time; rejects when it cannot be opened. */
  readonly opened: Promise<void>;

  constructor(channel: Channel, deps: HubDeps) {
    this.channel = channel;
    this.#deps = deps;
    this.#ring = new Ring(deps.account);
    this.opened = this.#open();
    this.opened.catch(() => this.close());
  }

  get epoch(): Epoch {
    return this.#epoch;
  }

  get head(): number {
    return this.#ring.head;
  }

  /** Oldest event that was kept when the log was last looked at. */
  get oldest(): number {
    return this.#oldest;
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

  /**
   * The events after any position, up to the head: from the ring when it covers them, else from history, one read for
   * all who ask for the same. A gap is only ever reported from the store itself.
   */
  async page(position: Position): Promise<HubPage> {
    const { offset } = position;
    if (this.covers(position)) return pageOf(this.#ring.after(offset, PAGE_EVENTS), this.head, offset, this.head);
    // Ahead of us, or of another epoch: we may be the one who is behind.
    if (position.epoch !== this.#epoch || offset > this.head) await this.repaired();
    const { head } = this;
    const comparisons = this.#comparisons;
    const key = `${position.epoch}.${offset}`;
    const page = await this.#pages.run(key, () =>
      this.#deps.engine.readHistory(this.channel, position, pageLimit(this.#ring.meanBytes)),
    );
    if (page.kind === 'gap') return page;
    const isBehind = page.log.epoch === this.#epoch && page.log.head < head;
    // Of a log that may have been rewritten before, or since we compared: whoever is given this could not be told any more.
    if (isBehind) await this.repaired();
    if (isBehind || comparisons !== this.#comparisons) return this.page(position);
    if (page.log.epoch === this.#epoch) this.#ring.extendBack(offset, page.events);
    const found = pageOf(page.events, page.log.head, offset, this.head);
    // Nothing new, and yet our ring begins later: the store must be behind us.
    if (found.through === offset && !this.covers(position)) await this.repaired();
    return found;
  }

  snapshot(): Promise<Snapshot> {
    return this.#snapshots.run('state', () => this.#deps.engine.readState(this.channel));
  }

  published(epoch: Epoch, events: readonly Event[]): void {
    this.#wasHeard = true;
    if (this.#phase === 'live') {
      if (!this.#take(epoch, events)) void this.repair();
    } else if (this.#phase !== 'closed') {
      this.#waiting.push({ epoch, events });
      if (this.#waiting.length <= WAITING_MAX_BATCHES) return;
      this.#waiting = [];
      this.#repairAgain = true;
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
    this.#waitingReaders ??= new Set();
    const readers = this.#waitingReaders;
    return new Promise((resolve, reject) => {
      readers.add(reject);
      void this.repair().then(() => {
        readers.delete(reject);
        resolve();
      });
    });
  }

  /** Gives up the oldest events of the ring; readers that need them read history. */
  shrink(): void {
    this.#ring.shrink();
  }

  close(): void {
    this.#phase = 'closed';
    this.#subscription?.close();
    this.#ring.begin(this.head);
    this.#waiting = [];
  }

  async #open(): Promise<void> {
    const subscription = await this.#deps.engine.subscribe(this.channel, this);
    if (this.isClosed) return subscription.close();
    this.#subscription = subscription;
    // Acknowledged: whatever is committed from now on reaches `published`, so nothing falls between it and this read.
    const page = await this.#deps.engine.readHistory(this.channel, null, TAIL_EVENTS);
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
        // Published before the read that follows, so contained in it.
        this.#waiting = [];
        await this.#compare();
      } catch (error) {
        this.#deps.onError(this.channel, error);
        for (const reject of this.#waitingReaders ?? []) reject(error);
        this.#waitingReaders = null;
        this.#repairAgain = true;
        await sleep(retryMs * (0.5 + Math.random()));
        retryMs = Math.min(RETRY_MAX_MS, retryMs * 2);
      }
    } while (!this.isClosed && (this.#repairAgain || !this.#goLive()));
  }

  /** One look at the store (`comparison.ts`). */
  async #compare(): Promise<void> {
    const { head } = this;
    const last = this.#ring.at(head);
    const page = await readFrom(this.#deps.engine, this.channel, { epoch: this.#epoch, offset: head }, last);
    if (this.isClosed) return;
    this.#comparisons++;
    // A page has come to the ring meanwhile, of which nothing was compared.
    if (this.#ring.at(head) !== last) return this.#compare();
    const verdict = judge(page, this.#ring, head);
    if (verdict.kind === 'behind') return this.#accuse(verdict.seen);
    if (verdict.kind === 'another') return this.#restart(verdict.log);
    const { log, events } = verdict;
    this.#oldest = log.oldest;
    this.#append(events);
    if (events.length === PAGE_EVENTS) this.#repairAgain = true;
    // The channel is empty and its shard has moved on: the position of an empty channel moves with it. Whoever waits for its
    // first event still misses nothing, from wherever the ring began.
    else if (this.head < log.head) this.#ring.begin(last ? this.head : this.#ring.floor, log.head);
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
    const waiting = this.#waiting;
    this.#waiting = [];
    const fits = waiting.every(({ epoch, events }) => this.#take(epoch, events));
    if (fits) this.#phase = 'live';
    return fits;
  }
}

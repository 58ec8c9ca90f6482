/**
 * A hub's repair: from the doubt whether it is level with the store until it is again.
 *
 * The comparer vouches for the hub, or has it look, which is one question for hundreds of hubs: is the last event that it knows
 * still there, and what follows. Who missed more than an answer brings reads on by itself, page by page; and who has the
 * evidence that the log was rewritten gives it to the engine. Doubts that come meanwhile are for another look.
 */
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import type { Linked } from '../../domain/chain.ts';
import type { Channel } from '../../domain/channel.ts';
import type { Event } from '../../domain/event.ts';
import type { Epoch, LogBounds } from '../../domain/position.ts';
import type { HistoryPage } from '../../engine/comparing.ts';
import type { Evidence } from '../../engine/engine.ts';
import type { Comparer } from './comparer.ts';
import { type Extent, isGone, judge, readFrom } from './comparison.ts';
import type { HubDeps } from './hub-deps.ts';
import { Patience } from './patience.ts';
import type { Ring } from './ring.ts';
import type { Compared, Look, Standing } from './shard-hubs.ts';

/** The hub, as far as its repairs go. */
export interface RepairedHub {
  readonly channel: Channel;
  readonly epoch: Epoch;
  readonly shardEpoch: Epoch;
  readonly head: number;
  readonly readers: { readonly size: number };
  readonly isOpening: boolean;
  readonly isClosed: boolean;
  /** From now on news waits. */
  hold(): void;
  /** What waits is in the read that follows, or in the log beyond it. */
  dropWaiting(): void;
  /** Takes what waited; false when that leaves a hole. */
  goLive(): boolean;
  /** Takes what was read. @returns Whether the log has more that can be read now. */
  follow(log: LogBounds, events: readonly Event[], extent: Extent): boolean;
  /** The log is another one. */
  restart(log: LogBounds): void;
  /** The head of empty channels is there. */
  moveOn(epoch: Epoch, emptyHead: number): void;
}

export type RepairDeps = Pick<HubDeps, 'engine' | 'onError'>;

/** Between two tries of what failed for this hub alone. */
const RETRY_MIN_MS = 250;
const RETRY_MAX_MS = 2000;

export class Repair implements Compared {
  standing: Standing = 'level';
  previous: Linked | undefined = undefined;
  next: Linked | undefined = undefined;
  readonly #hub: RepairedHub;
  readonly #ring: Ring;
  readonly #deps: RepairDeps;
  readonly #comparer: Comparer;
  #wasHeard = false;
  #isUnderWay = false;
  /** Another look is wanted after the one that is under way, or once the hub has opened. */
  #isDoubted = false;
  #comparisons = 0;
  #done: Promise<void> | null = null;
  #tellDone: (() => void) | null = null;
  /** Of those who wait for it; null while nobody does. */
  #patience: Patience | null = null;

  constructor(hub: RepairedHub, ring: Ring, deps: RepairDeps, comparer: Comparer) {
    this.#hub = hub;
    this.#ring = ring;
    this.#deps = deps;
    this.#comparer = comparer;
    comparer.add(this);
  }

  get channel(): Channel {
    return this.#hub.channel;
  }

  get hasReaders(): boolean {
    return this.#hub.readers.size > 0 || this.#patience !== null;
  }

  get comparisons(): number {
    return this.#comparisons;
  }

  /** It has got something newer than it had, from whomever. */
  heard(): void {
    this.#wasHeard = true;
  }

  wasSilent(): boolean {
    const wasSilent = !this.#wasHeard;
    this.#wasHeard = false;
    return wasSilent;
  }

  /** The hub has read where its log is; now it can be compared. */
  opened(): void {
    this.#settle();
  }

  suspect(): void {
    if (this.#begins()) this.#comparer.suspect(this);
  }

  doubt(): void {
    if (this.#begins()) this.#comparer.doubt(this);
  }

  /** Somebody is going to read the hub. */
  prefer(): void {
    this.#comparer.prefer(this);
  }

  /** Compares. Resolves when the hub is live again, or closed. */
  run(): Promise<void> {
    this.doubt();
    if (this.#hub.isClosed) return Promise.resolve();
    this.#done ??= new Promise((resolve) => {
      this.#tellDone = resolve;
    });
    return this.#done;
  }

  /** The same for a reader that waits for it: rejects when the store does not answer, while the hub goes on to try. */
  awaited(): Promise<void> {
    this.#patience ??= new Patience();
    const done = this.#patience.until(this.run());
    this.prefer();
    return done;
  }

  close(): void {
    this.#comparer.remove(this);
    this.#tell();
  }

  vouch(epoch: Epoch, emptyHead: number): void {
    if (this.#isUnderWay || this.#hub.isOpening || this.#hub.isClosed) return;
    this.#hub.moveOn(epoch, emptyHead);
    if (epoch === this.#hub.shardEpoch) this.#settle();
    else this.doubt();
  }

  moveOn(epoch: Epoch, emptyHead: number): void {
    if (!this.#isUnderWay) this.#hub.moveOn(epoch, emptyHead);
  }

  look(): Look | null {
    if (!this.#begins()) return null;
    this.#isUnderWay = true;
    this.#isDoubted = false;
    this.#hub.dropWaiting();
    const { epoch, head } = this.#hub;
    const last = this.#ring.at(head);
    return { after: { epoch, offset: last ? head - 1 : head }, last };
  }

  looked({ last }: Look, page: HistoryPage | null): void {
    if (page === null) this.#isDoubted = true;
    const next = page && !this.#hub.isClosed ? this.#take(page, last) : undefined;
    if (next) void this.#alone(next);
    else this.#settle();
  }

  unlooked(error: unknown): void {
    this.#isUnderWay = false;
    this.#endPatience(error);
    this.doubt();
  }

  lookAlone(): void {
    void this.#alone(() => this.#readOn('look'));
  }

  /** Takes what a look has brought. @returns What is left to be done for this hub alone. */
  #take(page: HistoryPage, last: Event | undefined): (() => Promise<void>) | undefined {
    this.#comparisons++;
    // A page has come to the ring meanwhile, of which nothing was compared; or there is nothing to compare with.
    if (this.#ring.at(this.#hub.head) !== last || (last && isGone(page))) return () => this.#readOn('look');
    const verdict = judge(page, this.#ring, this.#hub);
    if (verdict.kind === 'behind') return () => this.#accuse(verdict.seen);
    if (verdict.kind === 'another') this.#hub.restart(verdict.log);
    else if (this.#hub.follow(verdict.log, verdict.events, 'look')) return () => this.#readOn('page');
    return undefined;
  }

  /** False where that must wait. */
  #begins(): boolean {
    const { isOpening, isClosed } = this.#hub;
    if (isOpening || this.#isUnderWay) this.#isDoubted = true;
    if (isOpening || isClosed || this.#isUnderWay) return false;
    this.#hub.hold();
    return true;
  }

  #settle(): void {
    this.#isUnderWay = false;
    if (!this.#hub.isClosed && (this.#isDoubted || !this.#hub.goLive())) this.doubt();
    else this.#tell();
  }

  #tell(): void {
    this.#tellDone?.();
    this.#tellDone = null;
    this.#done = null;
    this.#patience = null;
  }

  #endPatience(error: unknown): void {
    this.#patience?.end(error);
    this.#patience = null;
  }

  /** Whatever fails is tried again with a look, until the hub is closed. */
  async #alone(first: () => Promise<void>): Promise<void> {
    let retryMs = RETRY_MIN_MS;
    for (let step = first; !this.#hub.isClosed; step = () => this.#readOn('look')) {
      try {
        await step();
        break;
      } catch (error) {
        this.#deps.onError(this.channel, error);
        this.#endPatience(error);
        await sleep(retryMs * (0.5 + Math.random()));
        retryMs = Math.min(RETRY_MAX_MS, retryMs * 2);
      }
    }
    this.#settle();
  }

  /** A look at the store, or what follows, and as many pages as it has more. What has come stays, whatever comes of the next. */
  #readOn(extent: Extent): Promise<void> {
    return this.#comparer.alone.run(async () => {
      if (extent === 'page') await nextTurn();
      for (let next = extent; await this.#step(next); next = 'page') await nextTurn();
    });
  }

  /** @returns Whether the log has more that can be read now. */
  async #step(extent: Extent): Promise<boolean> {
    const hub = this.#hub;
    // Published before the read that follows, so contained in it, or in the log beyond it.
    hub.dropWaiting();
    const { head, epoch } = hub;
    const last = this.#ring.at(head);
    const page = await readFrom(this.#deps.engine, hub.channel, { epoch, offset: head }, last, extent);
    if (hub.isClosed) return false;
    this.#comparisons++;
    // A page has come to the ring meanwhile, of which nothing was compared.
    if (this.#ring.at(head) !== last) return true;
    const verdict = judge(page, this.#ring, { epoch, head });
    if (verdict.kind === 'behind') await this.#accuse(verdict.seen);
    if (verdict.kind === 'another') hub.restart(verdict.log);
    return verdict.kind === 'same' && hub.follow(verdict.log, verdict.events, extent);
  }

  /** The store is behind what was seen here, or has something else in its place. */
  async #accuse(seen: Event | undefined): Promise<void> {
    const { channel, head, epoch } = this.#hub;
    const evidence: Evidence = seen ? { kind: 'event', channel, event: seen } : { kind: 'head', channel, offset: head };
    const outcome = await this.#comparer.accuse(channel, epoch, evidence);
    if (outcome?.kind === 'kept') await sleep(RETRY_MIN_MS);
    this.#isDoubted = true;
  }
}

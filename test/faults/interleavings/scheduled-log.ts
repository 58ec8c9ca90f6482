/**
 * A store of one channel whose answers come when a scheduler says so: between a question and its reading, and between the
 * reading and its answer, anything may happen. What is published arrives in order, late, or, while pub/sub is cut, never.
 */
import type { Scheduler } from 'fast-check';
import type { Event } from '../../../src/domain/event.ts';
import { gapAt, type LogBounds, type Position } from '../../../src/domain/position.ts';
import type { Changes, HistoryPage, Mark } from '../../../src/engine/comparing.ts';
import type { ChannelObserver, Engine, RenewOutcome, Snapshot } from '../../../src/engine/engine.ts';

export class ScheduledLog {
  readonly #scheduler: Scheduler;
  readonly #observers = new Set<ChannelObserver>();
  #epochs = 1;
  #made = 0;
  #isCut = false;
  /** Commits so far, as the store knows, and how often it came back with less: until its next commit nobody can tell by a mark. */
  #rev = 0;
  #servers = 0;
  #isNewServer = false;
  /** How often pub/sub was cut. */
  #cuts = 0;
  /** Everything published so far has arrived. */
  #arrived: Promise<unknown> = Promise.resolve();
  events: Event[] = [];

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
  }

  get epoch(): string {
    return String(this.#epochs).padStart(6, '0');
  }

  get head(): number {
    return this.events.length;
  }

  /** What the gateway sees of it; the rest of an engine is none of its business. */
  get engine(): Engine {
    const answer = async <T>(label: string, read: () => T): Promise<T> => {
      await this.#scheduler.schedule(Promise.resolve(), `${label} is asked`);
      const found = read();
      await this.#scheduler.schedule(Promise.resolve(), `${label} is answered`);
      return found;
    };
    const engine: Partial<Engine> = {
      shards: 1,
      readHistory: (_channel, after, limit) => answer('history', () => ({ ...this.#read(after, limit), clockMs: 0 })),
      readChanges: (_shard, since) => answer('changes', () => this.#changes(since)),
      readTails: (_shard, wanted, limit) => answer('tails', () => wanted.map(({ after }) => this.#read(after, limit))),
      readState: () => answer('state', (): Snapshot => ({ epoch: this.epoch, offset: this.head, state: new Map() })),
      subscribe: (_channel, observer) =>
        answer('subscribe', () => {
          this.#observers.add(observer);
          return { close: () => void this.#observers.delete(observer) };
        }),
      renew: (_shard, epoch, evidence) =>
        answer('renew', (): RenewOutcome => {
          const isDue =
            epoch === this.epoch &&
            (evidence.kind === 'event'
              ? this.events[evidence.event.offset - 1]?.seq !== evidence.event.seq
              : evidence.kind === 'head' && evidence.offset > this.head);
          if (isDue) this.renew();
          return { kind: isDue ? 'renewed' : 'kept', epoch: this.epoch };
        }),
    };
    return engine as Engine;
  }

  #changes(since: Mark | null): Changes {
    const { epoch, head } = this;
    const mark = `${epoch} ${this.#servers} ${this.#rev}`;
    const [epochThen, serverThen, revThen] = (since ?? '').split(' ');
    const isKnown = epochThen === epoch && serverThen === String(this.#servers) && Number(revThen) <= this.#rev;
    const channels = mark === since ? [] : isKnown ? ['room'] : null;
    return { mark, epoch, emptyHead: head, channels };
  }

  #read(after: Position | null, limit: number): HistoryPage {
    const log: LogBounds = { epoch: this.epoch, head: this.head, base: 0, oldest: 1, forgotten: 0 };
    if (after === null) return { kind: 'events', log, events: limit === 0 ? [] : this.events.slice(-limit) };
    const reason = gapAt(after, log);
    if (reason) return { kind: 'gap', log, reason };
    return { kind: 'events', log, events: this.events.slice(after.offset, after.offset + limit) };
  }

  commit(count: number): void {
    if (this.#isNewServer) this.#servers++;
    this.#isNewServer = false;
    this.#rev++;
    const batch = Array.from({ length: count }, (): Event => {
      const event = { offset: this.head + 1, from: 'a.1', seq: ++this.#made, atMs: 0, bytes: Buffer.from('x') };
      this.events.push(event);
      return event;
    });
    const { epoch } = this;
    if (this.#isCut) return;
    this.#arrives('published', (observer) => observer.published(epoch, batch));
  }

  /** Batches are lost until some time after `mend`, when the observers have been told that some may have been. */
  cut(): void {
    this.#isCut = true;
    this.#cuts++;
  }

  mend(): void {
    const cuts = this.#cuts;
    const isMended = () => {
      if (cuts === this.#cuts) this.#isCut = false;
      return !this.#isCut;
    };
    if (this.#isCut) this.#arrives('suspect', (observer) => observer.suspect(), isMended);
  }

  /** The newest events are gone, and nobody is told. Pub/sub was cut with it. */
  rewind(count: number): void {
    this.cut();
    const lost = this.events.splice(Math.max(0, this.head - count));
    this.#rev -= lost.length > 0 ? 1 : 0;
    this.#isNewServer = true;
  }

  renew(): void {
    this.#epochs++;
    this.#rev++;
    this.#arrives('new epoch', (observer) => observer.suspect());
  }

  #arrives(label: string, tell: (observer: ChannelObserver) => void, isDue = () => true): void {
    const next = this.#arrived.then(() => this.#scheduler.schedule(Promise.resolve(), label));
    this.#arrived = next.then(() => {
      if (!isDue()) return;
      for (const observer of this.#observers) tell(observer);
    });
  }
}

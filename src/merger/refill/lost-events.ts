/** What a store has lost and the archive has, in pieces: each of them little enough for one call of the store, and one turn of a lease. */
import type { ArchiveSource } from '../../archive/archive.ts';
import type { Clock } from '../../clock.ts';
import type { Change } from '../../domain/change.ts';
import type { Channel } from '../../domain/channel.ts';
import type { Event } from '../../domain/event.ts';
import type { Engine, Peek, RefilledChannel } from '../../engine/engine.ts';
import { type LostLog, LostLogs } from './lost-logs.ts';
import { openReturning, type ReturningChannel, type ReturningDeps } from './returning-channel.ts';
import { WaitingEntries } from './waiting-entries.ts';

export interface LostEventsDeps extends ReturningDeps {
  readonly engine: Engine;
  readonly archive: ArchiveSource;
  readonly clock: Clock;
}

export interface Piece {
  readonly channels: readonly RefilledChannel[];
  /** Entries of the inbox that became these events. */
  readonly taken: readonly Change[];
  /** There is no other. */
  readonly isLast: boolean;
}

/** Half of what a commit has, for it does more: a few milliseconds of the store. */
const EVENTS_MAX = 256;
const BYTES_MAX = 256 << 10;
const CHANNELS_MAX = 200;
/** Entries of the inbox that are passed by to take some out of it: a millisecond. */
const PASSED_MAX = 25_000;

export class LostEvents {
  readonly #shard: number;
  readonly #peek: Extract<Peek, { kind: 'refill' }>;
  readonly #deps: LostEventsDeps;
  readonly #logs: LostLogs;
  readonly #waiting: WaitingEntries;
  #isInboxWanted = false;
  #found: LostLog[] = [];
  #channel: ReturningChannel | null = null;
  /** What was put into pieces. */
  events = 0;
  /** Channels of which what is archived could not be put back. */
  readonly unfit: Channel[] = [];

  constructor(shard: number, peek: Extract<Peek, { kind: 'refill' }>, token: string, deps: LostEventsDeps) {
    this.#shard = shard;
    this.#peek = peek;
    this.#deps = deps;
    this.#logs = new LostLogs(shard, peek, deps);
    this.#waiting = new WaitingEntries(shard, token, peek.waiting, deps.engine);
  }

  /** What there is at that time, by the elapsed clock, is the next piece. */
  async next(untilMs: number): Promise<Piece> {
    const { clock } = this.#deps;
    const draft = new Draft();
    let isLast = false;
    while (!isLast && !draft.isFull && clock.elapsedMs() < untilMs) isLast = await this.#step(draft);
    draft.close(this.#channel);
    this.events += draft.events;
    return { channels: draft.channels, taken: draft.taken, isLast };
  }

  /** One question. @returns Whether that was all. */
  async #step(draft: Draft): Promise<boolean> {
    if (this.#isInboxWanted && !this.#waiting.isRead) {
      await this.#waiting.read();
      return false;
    }
    if (this.#channel !== null) {
      await this.#readOn(this.#channel, draft);
      return false;
    }
    const lost = this.#found.shift();
    if (lost !== undefined) {
      this.#channel = await openReturning(this.#shard, this.#peek.epoch, lost, this.#deps);
      if (this.#channel === null) this.unfit.push(lost.channel);
      return false;
    }
    const more = await this.#logs.next();
    this.#found = [...(more ?? [])];
    return more === null;
  }

  async #readOn(returning: ReturningChannel, draft: Draft): Promise<void> {
    const { channel, log } = returning;
    const page = await this.#deps.archive.read(channel, returning.offset, draft.eventsLeft, draft.bytesLeft);
    const events = page?.log.id === log.id ? page.events : [];
    // It was given up meanwhile, or is another log.
    let isBroken = events.length === 0;
    for (const event of events) {
      isBroken = event.offset !== returning.offset + 1;
      // All of the inbox is read before anything is taken out of it: then every entry has another place.
      this.#isInboxWanted ||= event.seq === 0;
      if (isBroken || draft.isFull || (event.seq === 0 && !this.#waiting.isRead)) break;
      returning.add(event);
      draft.add(event, this.#waiting.take(channel, event));
    }
    if (isBroken) this.unfit.push(channel);
    if (!isBroken && returning.offset < log.head) return;
    draft.close(returning);
    this.#channel = null;
  }
}

/** A piece that is being made. */
class Draft {
  readonly channels: RefilledChannel[] = [];
  readonly taken: Change[] = [];
  events = 0;
  #bytes = 0;
  #passed = 0;

  get eventsLeft(): number {
    return EVENTS_MAX - this.events;
  }

  get bytesLeft(): number {
    return BYTES_MAX - this.#bytes;
  }

  get isFull(): boolean {
    return (
      this.eventsLeft <= 0 || this.bytesLeft <= 0 || this.channels.length >= CHANNELS_MAX || this.#passed > PASSED_MAX
    );
  }

  add({ bytes }: Event, entry: { readonly change: Change; readonly place: number } | undefined): void {
    this.events++;
    this.#bytes += bytes.length;
    if (entry === undefined) return;
    this.taken.push(entry.change);
    this.#passed += entry.place;
  }

  /** No more of this channel comes into it. */
  close(returning: ReturningChannel | null): void {
    const refilled = returning?.cut() ?? null;
    if (refilled !== null) this.channels.push(refilled);
  }
}

/**
 * An audience: the streams that get the very same frames, because they read the same channels in the same order and
 * format.
 *
 * What its hubs bring in one turn of the event loop, or during a pass over the streams, becomes one chunk: encoded once, the
 * same Buffer to every stream. Chunks form a list, and a stream points at the last one it was given; so every stream has a
 * position of its own, and a pass may be cut into portions. A stream that joins, leaves or is late in the middle of a pass
 * is just one that points somewhere else. Nobody keeps old chunks but the streams that point at them; one that does not
 * take more lets go of the list and keeps its offsets instead.
 *
 * Much at once is several chunks, with turns of the loop in between, while the rings keep what is left. Whatever goes wrong
 * here ends the streams of this audience, who come back with their cursors, and concerns nobody else: no method throws.
 */
import { type CursorPrefix, cursorPrefix } from '../../domain/cursor.ts';
import type { Position } from '../../domain/position.ts';
import type { ControlFrame, Format } from '../formats/format.ts';
import type { Hub, HubReader } from '../hub/hub.ts';
import type { Turns } from '../turns.ts';
import { type Backlog, backlogOf } from './backlog.ts';
import { eachInTurn } from './each-in-turn.ts';
import { type Encodable, encodeNext } from './encoder.ts';
import { CHUNK_MAX_LENGTH, type Gatherer, HandOut, type HandOutDeps } from './hand-out.ts';
import { HeldBack, type HeldBackBudget } from './held-back.ts';
import type { Recipient } from './recipient.ts';
import type { Task } from './soon.ts';

export interface AudienceDeps extends HandOutDeps {
  readonly turns: Turns;
  readonly budget: HeldBackBudget;
  readonly onError: (error: unknown) => void;
}

/** When the next flush is: by its timer, in the next turn of the event loop, or after the pass; `more` is left of one that runs. */
type Due = 'never' | 'later' | 'soon' | 'passed' | 'more' | 'closed';

/** In one turn of the event loop: more than what comes in it, unless its changes are very large. */
const TURN_CHUNKS = 4;
const TURN_MS = 5;

export class Audience implements HubReader, Gatherer, Task, Encodable {
  readonly hubs: readonly Hub[];
  readonly format: Format;
  isPastClosed = false;
  /** What waits for the next flush; null when nothing is conflated. */
  readonly heldBack: HeldBack | null;
  prefix: CursorPrefix = '';
  readonly #deps: AudienceDeps;
  #handOut: HandOut;
  readonly #conflateMs: number;
  /** That of the last stream to join, as long as the garbage collector leaves it: who returns in a storm stands where others do. */
  #backlog: WeakRef<Backlog> | null = null;
  /** Streams that wait for the end of a flush: before that, something would come to them before its time, or twice. */
  #arrivals: Recipient[] | null = null;
  #flushedMs = 0;
  #due: Due = 'never';
  #timer: NodeJS.Timeout | undefined;

  /** @param conflateMs At most one frame per publisher's name in this time; 0 for every event at once. */
  constructor(hubs: readonly Hub[], format: Format, conflateMs: number, deps: AudienceDeps) {
    this.#deps = deps;
    this.#conflateMs = conflateMs;
    this.hubs = hubs;
    this.format = format;
    this.heldBack = conflateMs > 0 ? new HeldBack(hubs, deps.budget) : null;
    this.#handOut = this.#begin();
    for (const hub of hubs) hub.readers.add(this);
  }

  /** Whether everything after the position, in the channel of this index, can be told without reading history. */
  covers(index: number, position: Position): boolean {
    return this.hubs[index]!.covers(position) || (this.heldBack?.covers(index, position) ?? false);
  }

  /**
   * Takes in a stream whose positions are all covered. Everything between them and the newest chunk is written here and
   * now, or from the next flush on: no `await` stands between the check and this, so no event can come in between.
   */
  join(stream: Recipient): void {
    try {
      if (this.heldBack) this.#joinHeldBack(stream, this.heldBack);
      else this.#joinLive(stream);
    } catch (error) {
      stream.fail(error);
    }
  }

  #joinLive(stream: Recipient): void {
    this.flush();
    if (this.#due !== 'never') {
      this.#wait(stream);
      return;
    }
    this.#handOut.seal();
    const offsets = stream.positions.map(({ offset }) => offset);
    const backlog = backlogOf(this, offsets, this.#handOut.tail, this.#backlog);
    this.#admit(stream);
    if (backlog.events === 0) return;
    if (this.#backlog?.deref() !== backlog) this.#backlog = new WeakRef(backlog);
    stream.write(backlog.bytes, this.#deps.clock.elapsedMs());
    this.#deps.onDelivered(backlog.events);
  }

  /** Its part of what is held back it reads by itself when the flush is over (`catchup.ts`), then it is where all others are. */
  #joinHeldBack(stream: Recipient, heldBack: HeldBack): void {
    if (heldBack.isAt(this.#handOut.tail.offsets, stream.positions)) {
      this.#admit(stream);
      return;
    }
    heldBack.reachBack(stream.positions);
    this.#wait(stream);
    if (this.#due === 'never') this.#flushSoon();
  }

  #admit(stream: Recipient): void {
    this.#handOut.streams.add(stream);
    stream.attach(this.#handOut.tail);
  }

  #wait(stream: Recipient): void {
    this.#arrivals ??= [];
    this.#arrivals.push(stream);
  }

  leave(stream: Recipient): void {
    this.#handOut.streams.delete(stream);
  }

  close(): void {
    this.#due = 'closed';
    clearTimeout(this.#timer);
    this.heldBack?.drop();
    for (const hub of this.hubs) hub.readers.delete(this);
  }

  advanced(): void {
    try {
      if (this.heldBack) this.#holdBack(this.heldBack);
      else this.#flushSoon();
    } catch (error) {
      this.#fail(error);
    }
  }

  #holdBack(heldBack: HeldBack): void {
    const isTaken = heldBack.take();
    const { isFarTooMuch } = heldBack;
    if (isFarTooMuch) heldBack.drop();
    if (isFarTooMuch || !isTaken) this.#startOver();
    else this.#flushInTime(heldBack);
  }

  #flushInTime(heldBack: HeldBack): void {
    const waitMs = this.#flushedMs + this.#conflateMs - this.#deps.clock.elapsedMs();
    if (waitMs <= 0 || heldBack.isTooMuch) {
      this.#flushSoon();
    } else if (this.#due === 'never') {
      this.#due = 'later';
      this.#timer = setTimeout(() => this.flush(), waitMs);
    }
  }

  #flushSoon(): void {
    if (this.#due === 'soon' || this.#due === 'passed' || this.#due === 'closed') return;
    this.#due = 'soon';
    this.#deps.soon.add(this);
  }

  /** The flush that is due soon, if nothing has flushed meanwhile; or more of it. */
  run(): void {
    if (this.#due === 'soon') this.#flushUpTo(TURN_CHUNKS);
  }

  restarted(): void {
    try {
      this.#startOver();
    } catch (error) {
      this.#fail(error);
    }
  }

  #startOver(): void {
    const streams = this.#takeAll();
    this.heldBack?.restart();
    this.#handOut = this.#begin();
    for (const some of streams) void eachInTurn(this.#deps.turns, some, (stream) => stream.catchUp());
    if (this.heldBack && !this.heldBack.isEmpty) this.#flushInTime(this.heldBack);
  }

  /** Its streams come back with their cursors, and who comes from now on begins anew. */
  #fail(error: unknown): void {
    this.#deps.onError(error);
    const streams = this.#takeAll();
    this.heldBack?.drop();
    this.heldBack?.restart();
    this.#handOut = this.#begin();
    for (const some of streams) void eachInTurn(this.#deps.turns, some, (stream) => stream.fail());
  }

  #takeAll(): Iterable<Recipient>[] {
    const streams = [this.#handOut.streams, this.#takeArrivals()];
    this.#handOut.stop();
    if (this.#due === 'passed') this.#due = 'never';
    return streams;
  }

  #takeArrivals(): readonly Recipient[] {
    const arrivals = this.#arrivals;
    this.#arrivals = null;
    return arrivals ?? [];
  }

  /** Encodes what the hubs have brought since the last time. It is handed out now, or after the pass that is under way. */
  flush(): void {
    if (this.#due !== 'closed') this.#flushUpTo(1);
  }

  #flushUpTo(chunksMax: number): void {
    try {
      let chunks = chunksMax;
      const untilMs = this.#deps.clock.elapsedMs() + TURN_MS;
      do this.#flush();
      while (--chunks > 0 && this.#due === 'more' && this.#deps.clock.elapsedMs() < untilMs);
    } catch (error) {
      this.#fail(error);
    }
    if (this.#due === 'more') this.#flushSoon();
  }

  #flush(): void {
    clearTimeout(this.#timer);
    if (this.#handOut.isFull) {
      this.#due = 'passed';
      return;
    }
    this.#due = 'never';
    if (!this.#beginFlush()) {
      // More has come at once than a ring holds: everybody reads history.
      this.#startOver();
      return;
    }
    const offsets = [...this.#handOut.offsets];
    const encoded = encodeNext(this, offsets, CHUNK_MAX_LENGTH);
    this.#handOut.take(encoded, offsets, this.heldBack !== null);
    if (encoded.isAll) this.#flushed();
    else this.#due = 'more';
  }

  #beginFlush(): boolean {
    if (!this.heldBack) {
      const { tail, offsets } = this.#handOut;
      return this.hubs.every((hub, i) => hub.covers({ epoch: tail.epochs[i]!, offset: offsets[i]! }));
    }
    if (!this.heldBack.isFlushing) {
      this.#flushedMs = this.#deps.clock.elapsedMs();
      this.heldBack.begin();
    }
    return true;
  }

  /** All of it is encoded: who waited for that goes on. */
  #flushed(): void {
    const arrivals = this.#takeArrivals();
    if (this.heldBack) {
      this.heldBack.end(this.#handOut.offsets, arrivals.length > 0);
      if (!this.heldBack.isEmpty) this.#flushInTime(this.heldBack);
    }
    if (arrivals.length > 0) void eachInTurn(this.#deps.turns, arrivals, (stream) => stream.catchUp());
  }

  passed(): void {
    try {
      this.#handOut.seal();
    } catch (error) {
      this.#fail(error);
    }
    if (this.#due !== 'passed') return;
    this.#due = 'never';
    this.#flushSoon();
  }

  /** A control frame for every stream, at its place among the events. */
  announce(frame: ControlFrame): void {
    this.flush();
    try {
      const text = this.format.control(frame);
      if (text === '') return;
      this.#handOut.insert(text);
    } catch (error) {
      this.#fail(error);
    }
  }

  #begin(): HandOut {
    const epochs = this.hubs.map(({ epoch }) => epoch);
    const channels = this.hubs.map(({ channel }) => channel);
    const heads = this.hubs.map(({ head }) => head);
    this.prefix = cursorPrefix(channels, epochs, this.format.joinsCursors);
    return new HandOut(epochs, heads, this, this.#deps);
  }
}

/**
 * An audience: the streams that get the very same frames, because they read the same channels in the same order and
 * format.
 *
 * What its hubs bring in one turn of the event loop, or during a pass over the streams, becomes one chunk: encoded once, the
 * same Buffer to every stream. Chunks form a list, and a stream points at the last one it was given; so every stream has a
 * position of its own, and a pass may be cut into portions, with POSTs answered in between. A stream that joins, leaves or
 * is late in the middle of a pass is just one that points somewhere else. Nobody keeps old chunks but the streams that
 * point at them, and a stream that does not take more lets go of the list and keeps its offsets instead.
 */
import { cursorPrefix, formatCursor } from '../../domain/cursor.ts';
import type { Event } from '../../domain/event.ts';
import type { Epoch, Position } from '../../domain/position.ts';
import { SmallSet } from '../../domain/small-set.ts';
import type { ControlFrame, Format } from '../formats/format.ts';
import type { Hub, HubReader } from '../hub/hub.ts';
import { type Conflated, conflate } from './conflation.ts';
import { type Gatherer, HandOut, type HandOutDeps } from './hand-out.ts';
import { Pending } from './pending.ts';
import type { Chunk, Recipient } from './recipient.ts';

export type AudienceDeps = HandOutDeps;

/** What a stream was given that joined: all events between its offsets and those of the chunk. */
interface Backlog {
  readonly from: string;
  readonly to: Chunk;
  readonly bytes: Buffer;
  readonly events: number;
}

const NO_BYTES = Buffer.alloc(0);

export class Audience implements HubReader, Gatherer {
  readonly hubs: readonly Hub[];
  readonly format: Format;
  readonly #deps: AudienceDeps;
  readonly #streams = new SmallSet<Recipient>();
  #epochs: readonly Epoch[] = [];
  #prefix = '';
  #tail: Chunk = { bytes: NO_BYTES, events: 0, offsets: [], next: null };
  readonly #handOut: HandOut;
  /** Frames that are not yet a chunk, how many events they tell, and up to where. */
  #text = '';
  #events = 0;
  #offsets: readonly number[] = [];
  readonly #conflateMs: number;
  /** For each hub, what waits for the next flush; null when nothing is conflated. */
  readonly #pending: readonly Pending[] | null;
  /** That of the last stream to join, as long as the garbage collector leaves it: who returns in a storm stands where others do. */
  #backlog: WeakRef<Backlog> | null = null;
  /** Streams that wait for the next flush, because one of their own would come before its time. */
  #arrivals: Recipient[] | null = null;
  #flushedMs = 0;
  #isFlushDue = false;
  #timer: NodeJS.Timeout | undefined;

  /** @param conflateMs At most one frame per publisher's name in this time; 0 for every event at once. */
  constructor(hubs: readonly Hub[], format: Format, conflateMs: number, deps: AudienceDeps) {
    this.#deps = deps;
    this.#conflateMs = conflateMs;
    this.hubs = hubs;
    this.format = format;
    this.#handOut = new HandOut(this.#streams, this, deps);
    this.#pending = conflateMs > 0 ? hubs.map((hub) => new Pending(hub)) : null;
    this.#begin();
    for (const hub of hubs) hub.readers.add(this);
  }

  /** Whether of each publisher's name only the newest is written. */
  get isConflated(): boolean {
    return this.#pending !== null;
  }

  /** Whether everything after the position, in the channel of this index, can be told without reading history. */
  covers(index: number, position: Position): boolean {
    return this.hubs[index]!.covers(position) || (this.#pending !== null && this.#pending[index]!.covers(position));
  }

  /**
   * Takes in a stream whose positions are all covered. Everything between them and the newest chunk is written here and
   * now, or at the next flush: no `await` stands between the check and this, so no event can come in between.
   */
  join(stream: Recipient): void {
    if (this.#pending) {
      for (const [i, pending] of this.#pending.entries()) pending.reachBack(stream.positions[i]!.offset);
      this.#arrivals ??= [];
      this.#arrivals.push(stream);
      if (!this.#isFlushDue) this.flush();
      return;
    }
    this.flush();
    this.seal();
    this.#admit(stream);
  }

  #admit(stream: Recipient): void {
    const offsets = stream.positions.map(({ offset }) => offset);
    this.#streams.add(stream);
    stream.attach(this.#tail);
    const { bytes, events } = this.#backlogFrom(offsets);
    if (events === 0) return;
    stream.write(bytes, this.#deps.clock.elapsedMs());
    this.#deps.onDelivered(events);
  }

  /** Encoded once for all who join from the same place, until something new comes. */
  #backlogFrom(offsets: number[]): Backlog {
    const from = offsets.join();
    const known = this.#backlog?.deref();
    if (known?.from === from && known.to === this.#tail) return known;
    const { text, events } = this.#encodeNew(offsets);
    const backlog = { from, to: this.#tail, bytes: Buffer.from(text), events };
    if (events > 0) this.#backlog = new WeakRef(backlog);
    return backlog;
  }

  leave(stream: Recipient): void {
    this.#streams.delete(stream);
  }

  /** The positions of a stream that points at a chunk of this audience. */
  positionsAt(chunk: Chunk): Position[] {
    return chunk.offsets.map((offset, i) => ({ epoch: this.#epochs[i]!, offset }));
  }

  close(): void {
    clearTimeout(this.#timer);
    for (const hub of this.hubs) hub.readers.delete(this);
  }

  advanced(): void {
    if (this.#pending?.some((pending) => !pending.take())) this.restarted();
    if (this.#isFlushDue) return;
    this.#isFlushDue = true;
    const waitMs = this.#conflateMs === 0 ? 0 : this.#flushedMs + this.#conflateMs - this.#deps.clock.elapsedMs();
    if (waitMs <= 0) setImmediate(() => this.flush());
    else this.#timer = setTimeout(() => this.flush(), waitMs);
  }

  restarted(): void {
    const streams = [...this.#streams, ...this.#takeArrivals()];
    for (const stream of streams) stream.detach();
    for (const pending of this.#pending ?? []) pending.restart();
    this.#begin();
    for (const stream of streams) stream.catchUp();
  }

  /** Encodes what the hubs have brought since the last time. It is handed out now, or after the pass that is under way. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#isFlushDue = false;
    this.#flushedMs = this.#deps.clock.elapsedMs();
    if (!this.#isCovered) {
      // More has come at once than a ring holds: everybody reads history.
      this.restarted();
      return;
    }
    const offsets = [...this.#offsets];
    const { text, events } = this.#encodeNew(offsets);
    this.#text += text;
    this.#events += events;
    if (events > 0) this.#offsets = offsets;
    if (!this.#handOut.isUnderWay) this.seal();
    this.#admitArrivals();
    for (const pending of this.#pending ?? []) pending.clear();
  }

  get #isCovered(): boolean {
    return this.hubs.every((_, i) => this.covers(i, { epoch: this.#epochs[i]!, offset: this.#offsets[i]! }));
  }

  #admitArrivals(): void {
    const arrivals = this.#takeArrivals();
    if (arrivals.length === 0) return;
    this.seal();
    for (const stream of arrivals) {
      if (stream.isClosed || stream.transport.isFull) stream.catchUp();
      else this.#admit(stream);
    }
  }

  #takeArrivals(): readonly Recipient[] {
    const arrivals = this.#arrivals ?? [];
    this.#arrivals = null;
    return arrivals;
  }

  /** Makes what was gathered into a chunk. */
  seal(): void {
    if (this.#events === 0) return;
    const chunk = { bytes: Buffer.from(this.#text), events: this.#events, offsets: this.#offsets, next: null };
    this.#text = '';
    this.#events = 0;
    this.#push(chunk);
  }

  /** A control frame for every stream, at its place among the events. */
  announce(frame: ControlFrame): void {
    const text = this.format.control(frame);
    if (text === '') return;
    this.flush();
    this.seal();
    this.#push({ bytes: Buffer.from(text), events: 0, offsets: this.#tail.offsets, next: null });
  }

  #push(chunk: Chunk): void {
    this.#tail.next = chunk;
    this.#tail = chunk;
    this.#handOut.begin();
  }

  /**
   * The frames of events of one channel, all events after its offset, which moves along.
   *
   * @param cursorAt The cursor of a stream that has seen the event of an offset.
   */
  encode(index: number, events: readonly Event[], cursorAt: (offset: number) => string): string {
    return this.#frames(index, this.#pending ? conflate(events) : { kept: events, folded: 0 }, cursorAt);
  }

  #frames(index: number, { kept, folded }: Conflated, cursorAt: (offset: number) => string): string {
    const { channel } = this.hubs[index]!;
    let text = folded > 0 ? this.format.control({ event: '$lagged', data: { channel, folded } }) : '';
    for (const event of kept) text += this.format.event(event, channel, cursorAt(event.offset));
    return text;
  }

  /** The frames of what there is after these offsets, which move along. */
  #encodeNew(offsets: number[]): { text: string; events: number } {
    let text = '';
    let events = 0;
    for (const [i, hub] of this.hubs.entries()) {
      const after = offsets[i]!;
      const fresh = this.#pending ? this.#pending[i]!.after(after) : { kept: hub.after(after), folded: 0 };
      events += fresh.kept.length + fresh.folded;
      text += this.#frames(i, fresh, (offset) => {
        offsets[i] = offset;
        return formatCursor(this.#prefix, offsets);
      });
    }
    return { text, events };
  }

  #begin(): void {
    this.#epochs = this.hubs.map(({ epoch }) => epoch);
    const channels = this.hubs.map(({ channel }) => channel);
    this.#prefix = cursorPrefix(channels, this.#epochs);
    this.#text = '';
    this.#events = 0;
    this.#offsets = this.hubs.map(({ head }) => head);
    this.#tail = { bytes: NO_BYTES, events: 0, offsets: this.#offsets, next: null };
  }
}

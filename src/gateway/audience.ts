/**
 * An audience: the streams that get the very same frames, because they read the same channels in the same order and
 * format.
 *
 * What its hubs bring in one turn of the event loop becomes one chunk: encoded once, the same Buffer to every stream. Chunks
 * form a list, and a stream points at the last one it was given; so every stream has a position of its own, and a pass
 * over the streams may be cut into slices, with POSTs answered in between. A stream that joins, leaves or is late in the
 * middle of a pass is just one that points somewhere else. Nobody keeps old chunks but the streams that
 * point at them, and a stream that does not take more lets go of the list and keeps its offsets instead.
 */
import type { Clock } from '../clock.ts';
import { cursorPrefix, formatCursor } from '../domain/cursor.ts';
import type { Event } from '../domain/event.ts';
import type { Epoch, Position } from '../domain/position.ts';
import { SmallSet } from '../domain/small-set.ts';
import { conflate } from './conflation.ts';
import type { ControlFrame, Format } from './formats/format.ts';
import type { Hub, HubReader } from './hub.ts';
import type { Stream } from './stream.ts';

export interface AudienceDeps {
  readonly clock: Clock;
  /** Told how many events have been written, summed over the streams. */
  readonly onDelivered: (events: number) => void;
}

export interface Chunk {
  readonly bytes: Buffer;
  readonly events: number;
  /** Where a stream is that was given this chunk: one offset per channel. */
  readonly offsets: readonly number[];
  next: Chunk | null;
}

/** What a stream was given that joined: all events between its offsets and those of the chunk. */
interface Backlog {
  readonly from: string;
  readonly to: Chunk;
  readonly bytes: Buffer;
  readonly events: number;
}

const NO_BYTES = Buffer.alloc(0);

/** Streams written to before the event loop gets a turn: some 4 ms at 8 µs a write. */
const SLICE_STREAMS = 512;

/**
 * Looked at together before the first of them is written to. Of thousands of idle streams none is in the processor's caches,
 * and its waits for memory overlap as long as no system call comes in between: some 3 % of what a delivery costs.
 */
const AHEAD_STREAMS = 32;

export class Audience implements HubReader {
  readonly hubs: readonly Hub[];
  readonly format: Format;
  readonly #deps: AudienceDeps;
  readonly #streams = new SmallSet<Stream>();
  #epochs: readonly Epoch[] = [];
  #prefix = '';
  #tail: Chunk = { bytes: NO_BYTES, events: 0, offsets: [], next: null };
  readonly #conflateMs: number;
  /** That of the last stream to join, as long as the garbage collector leaves it: who returns in a storm stands where others do. */
  #backlog: WeakRef<Backlog> | null = null;
  /** Streams that wait for the next flush, because one of their own would come before its time. */
  #arrivals: Stream[] | null = null;
  #flushedMs = 0;
  #isFlushDue = false;
  #pass: Iterator<Stream> | null = null;
  #isPassStale = false;

  /** @param conflateMs At most one frame per publisher's name in this time; 0 for every event at once. */
  constructor(hubs: readonly Hub[], format: Format, conflateMs: number, deps: AudienceDeps) {
    this.#deps = deps;
    this.#conflateMs = conflateMs;
    this.hubs = hubs;
    this.format = format;
    this.#begin();
    for (const hub of hubs) hub.readers.add(this);
  }

  /**
   * Takes in a stream whose positions all hubs cover. Everything between them and the newest chunk is written here and
   * now: no `await` stands between the check and this, so no event can come in between.
   */
  join(stream: Stream): void {
    if (this.#conflateMs > 0 && this.#isFlushDue) {
      this.#arrivals ??= [];
      this.#arrivals.push(stream);
      return;
    }
    this.flush();
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

  leave(stream: Stream): void {
    this.#streams.delete(stream);
  }

  /** The positions of a stream that points at a chunk of this audience. */
  positionsAt(chunk: Chunk): Position[] {
    return chunk.offsets.map((offset, i) => ({ epoch: this.#epochs[i]!, offset }));
  }

  close(): void {
    for (const hub of this.hubs) hub.readers.delete(this);
  }

  advanced(): void {
    if (this.#isFlushDue) return;
    this.#isFlushDue = true;
    const waitMs = this.#conflateMs === 0 ? 0 : this.#flushedMs + this.#conflateMs - this.#deps.clock.elapsedMs();
    if (waitMs <= 0) setImmediate(() => this.flush());
    else setTimeout(() => this.flush(), waitMs);
  }

  restarted(): void {
    const streams = [...this.#streams];
    for (const stream of streams) stream.detach();
    this.#begin();
    for (const stream of streams) stream.catchUp();
  }

  /** Makes what the hubs have brought since the last time into a chunk, and begins to hand it out. */
  flush(): void {
    this.#isFlushDue = false;
    this.#flushedMs = this.#deps.clock.elapsedMs();
    const offsets = [...this.#tail.offsets];
    const isCovered = this.hubs.every((hub, i) => hub.covers({ epoch: this.#epochs[i]!, offset: offsets[i]! }));
    if (isCovered) {
      const { text, events } = this.#encodeNew(offsets);
      if (events > 0) this.#push({ bytes: Buffer.from(text), events, offsets, next: null });
    } else {
      // More has come at once than a ring holds: everybody reads history.
      this.restarted();
    }
    const arrivals = this.#arrivals ?? [];
    this.#arrivals = null;
    for (const stream of arrivals) stream.catchUp();
  }

  /** A control frame for every stream, at its place among the events. */
  announce(frame: ControlFrame): void {
    const text = this.format.control(frame);
    if (text === '') return;
    this.flush();
    this.#push({ bytes: Buffer.from(text), events: 0, offsets: this.#tail.offsets, next: null });
  }

  #push(chunk: Chunk): void {
    this.#tail.next = chunk;
    this.#tail = chunk;
    this.#isPassStale = true;
    if (!this.#pass) this.#handOut();
  }

  /**
   * The frames of events of one channel, all events after its offset, which moves along.
   *
   * @param cursorAt The cursor of a stream that has seen the event of an offset.
   */
  encode(index: number, events: readonly Event[], cursorAt: (offset: number) => string): string {
    const { channel } = this.hubs[index]!;
    let text = '';
    let shown = events;
    if (this.#conflateMs > 0) {
      const { kept, folded } = conflate(events);
      shown = kept;
      if (folded > 0) text += this.format.control({ event: '$lagged', data: { channel, folded } });
    }
    for (const event of shown) text += this.format.event(event, channel, cursorAt(event.offset));
    return text;
  }

  /** The frames of what the hubs have after these offsets, which move along. */
  #encodeNew(offsets: number[]): { text: string; events: number } {
    let text = '';
    let events = 0;
    for (const [i, hub] of this.hubs.entries()) {
      const fresh = hub.after(offsets[i]!);
      if (fresh.length === 0) continue;
      events += fresh.length;
      text += this.encode(i, fresh, (offset) => {
        offsets[i] = offset;
        return formatCursor(this.#prefix, offsets);
      });
      offsets[i] = fresh.at(-1)!.offset;
    }
    return { text, events };
  }

  /** One slice of a pass over all streams. A chunk that comes during a pass makes another pass follow it. */
  #handOut(): void {
    if (!this.#pass) {
      this.#pass = this.#streams.values();
      this.#isPassStale = false;
    }
    const nowMs = this.#deps.clock.elapsedMs();
    let delivered = 0;
    for (let i = 0; i < SLICE_STREAMS && this.#pass; i += AHEAD_STREAMS) {
      for (const stream of this.#nextOf(this.#pass)) delivered += stream.advance(nowMs);
    }
    this.#deps.onDelivered(delivered);
    if (this.#pass || this.#isPassStale) setImmediate(() => this.#handOut());
  }

  /** The next that are behind, those whose connection takes nothing last. */
  #nextOf(pass: Iterator<Stream>): readonly Stream[] {
    const ready: Stream[] = [];
    const full: Stream[] = [];
    for (let i = 0; i < AHEAD_STREAMS; i++) {
      const next = pass.next();
      if (next.done) {
        this.#pass = null;
        break;
      }
      if (next.value.isBehind) (next.value.transport.isFull ? full : ready).push(next.value);
    }
    return full.length === 0 ? ready : [...ready, ...full];
  }

  #begin(): void {
    this.#epochs = this.hubs.map(({ epoch }) => epoch);
    const channels = this.hubs.map(({ channel }) => channel);
    this.#prefix = cursorPrefix(channels, this.#epochs);
    this.#tail = { bytes: NO_BYTES, events: 0, offsets: this.hubs.map(({ head }) => head), next: null };
  }
}

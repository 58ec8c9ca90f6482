/**
 * Handing out: the list of an audience's chunks, and passes over the streams that point at them, in portions, with turns of
 * the event loop in between.
 *
 * One pass follows another, and of each pass one portion is due at a time: however fast events come, the loop gets its
 * turns. What comes during a pass is gathered for the next one, so that a stream is written to once a pass.
 * What goes wrong with one stream is that stream's, and the pass goes on. An audience that starts over begins another list.
 */
import type { Clock } from '../../clock.ts';
import type { Epoch } from '../../domain/position.ts';
import { SmallSet } from '../../domain/small-set.ts';
import type { Encoded } from './encoder.ts';
import { Frames } from './frames.ts';
import type { Chunk, Recipient } from './recipient.ts';
import type { Soon, Task } from './soon.ts';

export interface HandOutDeps {
  readonly clock: Clock;
  readonly soon: Soon;
  /** Told how many events have been written, summed over the streams. */
  readonly onDelivered: (events: number) => void;
}

export interface Gatherer {
  /** A pass is over: what was gathered meanwhile may go. Must not throw. */
  passed(): void;
}

/** Streams written to before the event loop gets a turn: some 4 ms at 8 µs a write. */
const PORTION_STREAMS = 512;

/**
 * Looked at together before the first of them is written to. Of thousands of idle streams none is in the processor's caches,
 * and its waits for memory overlap as long as no system call comes in between: some 3 % of what a delivery costs.
 */
const AHEAD_STREAMS = 32;

/** Of one chunk, characters: 1 ms of encoding. Only a single large change makes more. */
export const CHUNK_MAX_LENGTH = 256 << 10;
/** Of all chunks during one pass, bytes: then the rings keep what comes, and who would miss something reads history. */
const AHEAD_MAX_BYTES = 8 << 20;

const NO_BYTES = Buffer.alloc(0);
const NO_FRAMES = new Frames();

export class HandOut implements Task {
  /** Those that point at its chunks. */
  readonly streams = new SmallSet<Recipient>();
  /** Null once it is stopped. */
  #gatherer: Gatherer | null;
  readonly #deps: HandOutDeps;
  #tail: Chunk;
  /** Frames that are not yet a chunk, how many events they tell, and up to where. */
  #frames = NO_FRAMES;
  #events = 0;
  #offsets: readonly number[];
  /** Of the chunks since the last pass was over. */
  #aheadBytes = 0;
  #pass: Iterator<Recipient> | null = null;
  #isUnderWay = false;
  #isPassStale = false;
  /** Each stream that is here has it: before this pass, and after it. */
  #had: Chunk;
  #has: Chunk;

  /** @param offsets Of the events before the first chunk, in these epochs. */
  constructor(epochs: readonly Epoch[], offsets: readonly number[], gatherer: Gatherer, deps: HandOutDeps) {
    this.#gatherer = gatherer;
    this.#deps = deps;
    this.#offsets = offsets;
    this.#tail = { bytes: NO_BYTES, events: 0, offsets, epochs, next: null };
    this.#had = this.#tail;
    this.#has = this.#tail;
  }

  /** The newest chunk. */
  get tail(): Chunk {
    return this.#tail;
  }

  /** Up to where events were taken, in chunks or not yet. */
  get offsets(): readonly number[] {
    return this.#offsets;
  }

  /** No more is to be taken before the pass is over. */
  get isFull(): boolean {
    return this.#aheadBytes > AHEAD_MAX_BYTES;
  }

  /**
   * Takes frames. They go now, or after the pass that is under way.
   *
   * @param offsets Where a stream is that was given them.
   * @param isChunk They are to be a chunk of their own, whatever is under way.
   */
  take({ frames, events }: Encoded, offsets: readonly number[], isChunk: boolean): void {
    if (this.#events === 0) this.#frames = frames;
    else this.#frames.addAll(frames);
    this.#events += events;
    if (events > 0) this.#offsets = offsets;
    if (isChunk || this.#frames.length >= CHUNK_MAX_LENGTH || !this.#isUnderWay) this.seal();
  }

  /** Makes what was gathered into a chunk. */
  seal(): void {
    if (this.#events === 0) return;
    const bytes = this.#frames.toBytes();
    const events = this.#events;
    this.#frames = NO_FRAMES;
    this.#events = 0;
    this.#push(bytes, events, this.#offsets);
  }

  /** Frames that are no events, at their place among them. */
  insert(text: string): void {
    this.seal();
    this.#push(Buffer.from(text), 0, this.#tail.offsets);
  }

  #push(bytes: Buffer, events: number, offsets: readonly number[]): void {
    const chunk = { bytes, events, offsets, epochs: this.#tail.epochs, next: null };
    this.#aheadBytes += bytes.length;
    this.#tail.next = chunk;
    this.#tail = chunk;
    // One that comes during a pass makes another pass follow it.
    this.#isPassStale = true;
    if (!this.#isUnderWay) this.run();
  }

  /** Nobody is written to any more. */
  stop(): void {
    this.#gatherer = null;
    this.#pass = null;
  }

  /** The portion that is due. */
  run(): void {
    if (this.#gatherer === null) return;
    this.#isUnderWay = true;
    if (!this.#pass) {
      this.#pass = this.streams.values();
      this.#isPassStale = false;
      this.#has = this.#tail;
    }
    const nowMs = this.#deps.clock.elapsedMs();
    let delivered = 0;
    for (let i = 0; i < PORTION_STREAMS && this.#pass; i += AHEAD_STREAMS) {
      for (const stream of this.#nextOf(this.#pass)) {
        try {
          delivered += stream.advance(nowMs);
        } catch (error) {
          stream.fail(error);
        }
      }
    }
    this.#deps.onDelivered(delivered);
    if (!this.#pass) {
      this.#aheadBytes = 0;
      this.#letGo();
      this.#gatherer?.passed();
    }
    this.#isUnderWay = this.#pass !== null || this.#isPassStale;
    if (this.#isUnderWay) this.#deps.soon.add(this);
  }

  /**
   * Nobody reads again what all have. V8 does not know it: a chunk that has lived for long, and is dead, would keep all that come
   * after it alive until the whole heap is collected.
   */
  #letGo(): void {
    let chunk = this.#had;
    while (chunk !== this.#has) {
      const { next } = chunk;
      chunk.next = null;
      chunk = next!;
    }
    chunk.bytes = NO_BYTES;
    this.#had = chunk;
  }

  /** The next that are behind, those whose connection takes nothing last. */
  #nextOf(pass: Iterator<Recipient>): readonly Recipient[] {
    const ready: Recipient[] = [];
    const full: Recipient[] = [];
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
}

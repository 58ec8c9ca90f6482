/**
 * What a merger knows of a shard: heads, states and last seqs of the channels it has lately folded.
 *
 * It is true as long as the shard's `rev` is the one of our own last commit; the holder throws the whole of it away
 * where that may not be so. A fold writes into it directly: of a round that fails, what it used goes in any case.
 */
import type { Channel } from '../domain/channel.ts';
import { fieldBytes, type State, type StateField } from '../domain/state.ts';
import type { InboxEntry, LoadedChannel, LoadWish, SweepOutcome } from '../engine/engine.ts';
import { type Course, KnownChannel } from './known-channel.ts';
import type { Memory } from './memory.ts';

const AS_BEFORE: Course = { kept: null, refold: null };

/** What V8 takes for each beside names and values, about: an object, and an entry of a map with what it leads to. */
const CHANNEL_BYTES = 250;
/** Beside the 100 bytes that a field is counted with in any case. */
const FIELD_BYTES = 100;
const PUBLISHER_BYTES = 100;

/** What a state takes here. */
export function weightOf(state: State, stateBytes: number): number {
  return FIELD_BYTES * state.size + stateBytes;
}

export class Known {
  #channels = new Map<Channel, KnownChannel>();
  readonly #memory: Memory;
  /** Those that the round under way needs: they may not be given up before it ends. */
  #used: KnownChannel[] = [];

  /** @param memory What all shards share. */
  constructor(memory: Memory) {
    this.#memory = memory;
  }

  get(channel: Channel): KnownChannel | undefined {
    return this.#channels.get(channel);
  }

  /** What has to be loaded before these entries can be folded, in their order. Keeps what they need until `done`. */
  missingFor(entries: readonly InboxEntry[]): LoadWish[] {
    const wishes = new Map<Channel, { channel: Channel; froms: Set<string>; withState: boolean }>();
    for (const entry of entries) {
      if (entry.kind !== 'change') continue;
      const { channel, from, seq } = entry.change;
      const known = this.#channels.get(channel);
      if (known && !known.isInUse) this.#use(known);
      const lacksFrom = seq > 0 && !known?.seqs.has(from);
      if (known && !lacksFrom) continue;
      const wish = wishes.get(channel) ?? { channel, froms: new Set(), withState: !known };
      if (lacksFrom) wish.froms.add(from);
      wishes.set(channel, wish);
    }
    return Array.from(wishes.values(), (wish) => ({ ...wish, froms: [...wish.froms] }));
  }

  /** @param state That of the channel, where it is not known yet: from now on it is this one's. Copying a large one takes long. */
  add(wish: LoadWish, loaded: LoadedChannel, state: Map<string, StateField>, course: Course = AS_BEFORE): void {
    let known = this.#channels.get(wish.channel);
    if (!known) {
      let stateBytes = 0;
      for (const [field, { bytes }] of state) stateBytes += fieldBytes(field, bytes);
      known = new KnownChannel(this.#channels, wish.channel, loaded, state, stateBytes, course);
      this.#use(known);
    }
    for (const [i, from] of wish.froms.entries()) known.setSeq(from, loaded.seqs[i]!);
    this.#weigh(known);
  }

  /** After a fold, which may have made their states larger. */
  weigh(channels: Iterable<Channel>): void {
    for (const channel of channels) this.#weigh(this.#channels.get(channel)!);
  }

  /** The round has failed: a fold may have written into what it used, and nobody knows what became of it. */
  dropUsed(): void {
    const used = this.#used;
    this.done();
    for (const known of used) this.#memory.drop(known);
  }

  /** The round has ended. */
  done(): void {
    for (const known of this.#used) known.isInUse = false;
    this.#used = [];
  }

  /** What a sweep took away. */
  forget({ channels, publishers }: Extract<SweepOutcome, { kind: 'swept' }>): void {
    for (const [channel, from] of publishers) this.#channels.get(channel)?.dropSeq(from);
    for (const channel of channels) {
      const known = this.#channels.get(channel);
      if (known) this.#memory.drop(known);
    }
  }

  /** Mergers are of one mind: those that were kept as they were are to be learnt again. */
  forgetKept(): void {
    for (const known of this.#channels.values()) if (known.kept !== null) this.#memory.drop(known);
  }

  clear(): void {
    this.done();
    if (this.#channels.size === 0) return;
    this.#memory.dropSoon(this.#channels.values());
    this.#channels = new Map();
  }

  #use(known: KnownChannel): void {
    known.isInUse = true;
    this.#used.push(known);
    this.#memory.use(known);
  }

  #weigh(known: KnownChannel): void {
    const { state, stateBytes, seqs } = known;
    this.#memory.weigh(known, CHANNEL_BYTES + weightOf(state, stateBytes) + PUBLISHER_BYTES * seqs.size);
  }
}

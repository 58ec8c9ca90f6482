/**
 * What a merger knows of a shard: heads, states and last seqs of the channels it has lately folded.
 *
 * It is true as long as the shard's `rev` is the one of our own last commit; the holder throws the whole of it away
 * on any doubt. A fold writes into it directly: if the commit is then refused, that is such a doubt.
 */
import type { Channel } from '../domain/channel.ts';
import { fieldBytes, type StateField } from '../domain/state.ts';
import type { InboxEntry, LoadedChannel, LoadWish } from '../engine/engine.ts';

export interface KnownChannel {
  /** Null while the channel does not exist. */
  head: number | null;
  readonly state: Map<string, StateField>;
  stateBytes: number;
  readonly seqs: Map<string, number>;
  /** What it was counted for, bytes. */
  weight: number;
}

/** What V8 takes for each beside names and values, about: an object with its maps, and an entry of a map with what it leads to. */
const CHANNEL_BYTES = 400;
const FIELD_BYTES = 200;
const PUBLISHER_BYTES = 100;

export class Known {
  readonly #channels = new Map<Channel, KnownChannel>();
  readonly #maxBytes: number;
  #bytes = 0;

  /** @param maxBytes With more than this it is too large: about, and only before the next batch, which is known whole in any case. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get(channel: Channel): KnownChannel | undefined {
    return this.#channels.get(channel);
  }

  /** What has to be loaded before these entries can be folded. */
  missingFor(entries: readonly InboxEntry[]): LoadWish[] {
    const wishes = new Map<Channel, { channel: Channel; froms: Set<string>; withState: boolean }>();
    for (const entry of entries) {
      if (entry.kind !== 'change') continue;
      const { channel, from, seq } = entry.change;
      const known = this.#channels.get(channel);
      const lacksFrom = seq > 0 && !known?.seqs.has(from);
      if (known && !lacksFrom) continue;
      const wish = wishes.get(channel) ?? { channel, froms: new Set(), withState: !known };
      if (lacksFrom) wish.froms.add(from);
      wishes.set(channel, wish);
    }
    return Array.from(wishes.values(), (wish) => ({ ...wish, froms: [...wish.froms] }));
  }

  add(wish: LoadWish, loaded: LoadedChannel): void {
    let known = this.#channels.get(wish.channel);
    if (!known) {
      let stateBytes = 0;
      const state = loaded.state ?? new Map();
      for (const [field, { bytes }] of state) stateBytes += fieldBytes(field, bytes);
      known = { head: loaded.head, state: new Map(state), stateBytes, seqs: new Map(), weight: 0 };
      this.#channels.set(wish.channel, known);
    }
    for (const [i, from] of wish.froms.entries()) known.seqs.set(from, loaded.seqs[i]!);
    this.#weigh(known);
  }

  /** After a fold, which may have made their states larger. */
  weigh(channels: Iterable<Channel>): void {
    for (const channel of channels) this.#weigh(this.#channels.get(channel)!);
  }

  get isTooLarge(): boolean {
    return this.#bytes > this.#maxBytes;
  }

  clear(): void {
    this.#channels.clear();
    this.#bytes = 0;
  }

  #weigh(known: KnownChannel): void {
    const { state, stateBytes, seqs } = known;
    const weight = CHANNEL_BYTES + FIELD_BYTES * state.size + stateBytes + PUBLISHER_BYTES * seqs.size;
    this.#bytes += weight - known.weight;
    known.weight = weight;
  }
}

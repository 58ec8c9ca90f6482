/**
 * Entries that are in the inbox again, because what took them away was lost with the commits that made them events. Those with a `seq` are
 * dropped by it. Those without are told here: an event that is put back has the channel, the publisher, the time and the bytes of the
 * change that it came from.
 */
import type { Change } from '../../domain/change.ts';
import type { Channel } from '../../domain/channel.ts';
import type { Event } from '../../domain/event.ts';
import type { Engine } from '../../engine/engine.ts';
import { EngineUnavailable } from '../../errors.ts';

/** Of one read: what keeps a store busy for a millisecond. */
const PAGE = { maxEntries: 1_000, maxBytes: 512 << 10 };

export interface WaitingEntry {
  readonly change: Change;
  /** How many were before it. */
  readonly place: number;
}

export class WaitingEntries {
  readonly #shard: number;
  readonly #token: string;
  readonly #engine: Pick<Engine, 'readInbox'>;
  /** How many there were: what came later has no event yet. */
  readonly #count: number;
  #read = 0;
  /** The oldest of each kind first. */
  readonly #entries = new Map<string, WaitingEntry[]>();

  constructor(shard: number, token: string, count: number, engine: Pick<Engine, 'readInbox'>) {
    this.#shard = shard;
    this.#token = token;
    this.#count = count;
    this.#engine = engine;
  }

  get isRead(): boolean {
    return this.#read >= this.#count;
  }

  /** Reads some more of them. */
  async read(): Promise<void> {
    const maxEntries = Math.min(PAGE.maxEntries, this.#count - this.#read);
    const page = await this.#engine.readInbox(this.#shard, this.#token, this.#read, { ...PAGE, maxEntries });
    if (page === null) throw new EngineUnavailable('the lease of the shard that is refilled is over');
    for (const [i, entry] of page.entries()) {
      if (entry.kind !== 'change' || entry.change.seq > 0) continue;
      const { change } = entry;
      const key = keyOf(change.channel, change, change.acceptedMs);
      const others = this.#entries.get(key) ?? [];
      this.#entries.set(key, others);
      others.push({ change, place: this.#read + i });
    }
    this.#read = page.length === 0 ? this.#count : this.#read + page.length;
  }

  /** The oldest that an event came from, which no other event came from; undefined where there is none. All must have been read. */
  take(channel: Channel, event: Event): WaitingEntry | undefined {
    return event.seq > 0 ? undefined : this.#entries.get(keyOf(channel, event, event.atMs))?.shift();
  }
}

function keyOf(channel: Channel, { from, bytes }: Pick<Change, 'from' | 'bytes'>, atMs: number): string {
  return `${channel} ${from} ${atMs} ${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')}`;
}

/**
 * Snapshots: the states that a gateway has read, each read once for all who ask at the same time, and kept for those who ask
 * next: as long as the channel's head has not moved, which is a small question, the state has not either.
 *
 * Who asks while a read is under way gets the next one: what is being read may be older than what it has seen already.
 */
import type { Channel } from '../../domain/channel.ts';
import type { Engine, Snapshot } from '../../engine/engine.ts';
import { EngineUnavailable } from '../../errors.ts';
import { Slots } from './slots.ts';

/** All states kept, bytes: a few of the largest, or tens of thousands of small ones. */
const KEPT_MAX_BYTES = 16 << 20;
/** What a field costs beside its name and value, and a snapshot beside its fields: objects and their places in maps, bytes. */
const FIELD_OVERHEAD_BYTES = 150;
const SNAPSHOT_OVERHEAD_BYTES = 500;
/** States being read: each may be many reads of the store, and as much memory as it likes. */
const READS_MAX = 4;

interface Kept {
  readonly snapshot: Snapshot;
  bytes: number;
}

interface UnderWay {
  readonly now: Promise<Snapshot>;
  next: Promise<Snapshot> | null;
}

export class Snapshots {
  readonly #engine: Engine;
  readonly #isAway: (channel: Channel) => boolean;
  readonly #reads = new Slots(READS_MAX);
  readonly #underWay = new Map<Channel, UnderWay>();
  /** The one that was asked for last, at the end. */
  readonly #kept = new Map<Channel, Kept>();
  #bytes = 0;

  constructor(engine: Engine, isAway: (channel: Channel) => boolean = () => false) {
    this.#engine = engine;
    this.#isAway = isAway;
  }

  /** What is kept costs. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The state of a channel, as it is when this is called or later. */
  of(channel: Channel): Promise<Snapshot> {
    const underWay = this.#underWay.get(channel);
    if (!underWay) return this.#begin(channel);
    const begin = () => this.#begin(channel);
    underWay.next ??= underWay.now.then(begin, begin);
    return underWay.next;
  }

  /** Something that was made of a snapshot, and lives as long, costs so many bytes. */
  grow(channel: Channel, snapshot: Snapshot, bytes: number): void {
    const kept = this.#kept.get(channel);
    if (kept?.snapshot === snapshot) this.#keep(channel, { snapshot, bytes: kept.bytes + bytes });
  }

  #begin(channel: Channel): Promise<Snapshot> {
    const underWay: UnderWay = { now: this.#read(channel), next: null };
    this.#underWay.set(channel, underWay);
    const over = () => {
      if (!underWay.next) this.#underWay.delete(channel);
    };
    underWay.now.then(over, over);
    return underWay.now;
  }

  async #read(channel: Channel): Promise<Snapshot> {
    const kept = this.#kept.get(channel);
    if (kept) {
      const { epoch, head } = (await this.#engine.readHistory(channel, null, 0)).log;
      if (kept.snapshot.epoch === epoch && kept.snapshot.offset === head) {
        if (this.#kept.get(channel) === kept) this.#keep(channel, kept);
        return kept.snapshot;
      }
    }
    return this.#reads.run(async () => {
      if (this.#isAway(channel)) throw new EngineUnavailable('the store is away');
      const snapshot = await this.#engine.readState(channel);
      this.#keep(channel, { snapshot, bytes: weightOf(snapshot) });
      return snapshot;
    });
  }

  #keep(channel: Channel, kept: Kept): void {
    this.#forget(channel);
    if (kept.bytes > KEPT_MAX_BYTES) return;
    this.#kept.set(channel, kept);
    this.#bytes += kept.bytes;
    for (const oldest of this.#kept.keys()) {
      if (this.#bytes <= KEPT_MAX_BYTES) return;
      this.#forget(oldest);
    }
  }

  #forget(channel: Channel): void {
    this.#bytes -= this.#kept.get(channel)?.bytes ?? 0;
    this.#kept.delete(channel);
  }
}

function weightOf({ state }: Snapshot): number {
  let weight = SNAPSHOT_OVERHEAD_BYTES;
  for (const [field, { bytes }] of state) weight += FIELD_OVERHEAD_BYTES + field.length + (bytes?.length ?? 0);
  return weight;
}

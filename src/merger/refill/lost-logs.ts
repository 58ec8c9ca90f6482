/**
 * Which logs of a shard the archive has more of than the store: of channels that the store has, and of those that were begun by what it
 * has lost. The first are looked for by the store's channels, of which there are fewer: an archive has all that were ever forgotten.
 *
 * Only logs of the store's own epoch. Of another one nobody knows here what both have in common.
 */
import type { ArchivedLog, ArchiveSource, ChannelLog } from '../../archive/archive.ts';
import type { Channel } from '../../domain/channel.ts';
import type { Epoch } from '../../domain/position.ts';
import type { Engine } from '../../engine/engine.ts';

export interface LostLog {
  readonly channel: Channel;
  /** What the store has; null where it does not have the channel. */
  readonly head: number | null;
  /** What the archive has, which is more. */
  readonly log: ArchivedLog;
}

export interface LostLogsDeps {
  readonly engine: Pick<Engine, 'readUnarchived' | 'load'>;
  readonly archive: Pick<ArchiveSource, 'boundsOf' | 'begunAbove'>;
}

/** As many as one call of the engine tells: more than have the same `rev`. */
const CHANNELS_MAX = 250;

export class LostLogs {
  readonly #shard: number;
  readonly #epoch: Epoch;
  /** How many events the shard had made: what begins below was there, and has been forgotten since. */
  readonly #events: number;
  readonly #deps: LostLogsDeps;
  /** Of the store's channels those up to this `rev` were looked at; null: all were. */
  #rev: number | null = 0;
  /** Of those it does not have the ones up to this name; null: all were. */
  #behind: string | null = '';

  constructor(
    shard: number,
    { epoch, events }: { readonly epoch: Epoch; readonly events: number },
    deps: LostLogsDeps,
  ) {
    this.#shard = shard;
    this.#epoch = epoch;
    this.#events = events;
    this.#deps = deps;
  }

  /** Some more, or none this time; null when that was all. */
  async next(): Promise<readonly LostLog[] | null> {
    if (this.#rev !== null) return this.#nextKept(this.#rev);
    return this.#behind === null ? null : this.#nextBegun(this.#behind);
  }

  async #nextKept(afterRev: number): Promise<readonly LostLog[]> {
    const { engine, archive } = this.#deps;
    const { channels } = await engine.readUnarchived(this.#shard, afterRev, CHANNELS_MAX);
    const last = channels.at(-1);
    // There may be more of the last one's commit. What is put back meanwhile comes again, at the end, and lacks nothing then.
    this.#rev = last === undefined || channels.length < CHANNELS_MAX ? null : Math.max(afterRev + 1, last.rev - 1);
    if (last === undefined) return [];
    const archived = await archive.boundsOf(
      this.#shard,
      channels.map(({ channel }) => channel),
    );
    const lost = await this.#withHeads(archived.filter(({ log }) => log.epoch === this.#epoch));
    return lost.filter(({ head, log }) => head !== null && log.head > head);
  }

  async #nextBegun(behind: string): Promise<readonly LostLog[]> {
    const begun = await this.#deps.archive.begunAbove(this.#shard, this.#epoch, this.#events, behind, CHANNELS_MAX);
    this.#behind = begun.length < CHANNELS_MAX ? null : begun.at(-1)!.channel;
    const lost = await this.#withHeads(begun);
    return lost.filter(({ head }) => head === null);
  }

  async #withHeads(logs: readonly ChannelLog[]): Promise<LostLog[]> {
    if (logs.length === 0) return [];
    const wishes = logs.map(({ channel }) => ({ channel, froms: [], withState: false }));
    const { channels } = await this.#deps.engine.load(this.#shard, wishes);
    return logs.map((each, i) => ({ ...each, head: channels[i]!.head }));
  }
}

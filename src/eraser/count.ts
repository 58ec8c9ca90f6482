/** What an erasure comes to. An event that lies both in a history and in the archive is one. */
import type { Channel } from '../domain/channel.ts';
import type { LogBounds } from '../domain/position.ts';
import type { Erased } from '../engine/erasing.ts';

export interface Counted {
  readonly events: number;
  readonly channels: number;
  readonly fields: number;
}

export class Count {
  events = 0;
  #fields = 0;
  readonly #channels = new Set<Channel>();
  /** Where the histories began and ended that were looked through. */
  readonly #histories = new Map<Channel, Pick<LogBounds, 'oldest' | 'head'>>();

  get all(): Counted {
    return { events: this.events, channels: this.#channels.size, fields: this.#fields };
  }

  begin(channel: Channel, { oldest, head }: LogBounds): void {
    const first = this.#histories.get(channel)?.oldest ?? oldest;
    this.#histories.set(channel, { oldest: first, head });
  }

  /** Undefined where there is no such history. */
  headOf(channel: Channel): number | undefined {
    return this.#histories.get(channel)?.head;
  }

  add(channel: Channel, { events, fields }: Erased): void {
    this.events += events;
    this.#fields += fields;
    if (events + fields > 0) this.#channels.add(channel);
  }

  /** @param isCurrent Whether the channel's history goes on with that log. */
  addArchived(channel: Channel, isCurrent: boolean, offsets: readonly number[]): void {
    const oldest = (isCurrent ? this.#histories.get(channel)?.oldest : undefined) ?? Number.POSITIVE_INFINITY;
    this.events += offsets.filter((offset) => offset < oldest).length;
    if (offsets.length > 0) this.#channels.add(channel);
  }

  /** Channels of another shard come. */
  endShard(): void {
    this.#histories.clear();
  }
}

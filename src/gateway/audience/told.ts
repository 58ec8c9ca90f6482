/**
 * Told: what one flush of a conflating audience tells, the newest event of each name of each channel.
 *
 * It goes out in portions, some in later turns of the event loop; what comes meanwhile is for the next flush. Who had waited
 * for the flush from positions of its own reads it here, in portions of its own, and then stands where all others do.
 */
import type { Event } from '../../domain/event.ts';
import type { Position } from '../../domain/position.ts';
import type { Taken } from './pending.ts';

/** Events to be told; none of those between `after` and the last of them is wanted any more. */
export interface Fresh {
  readonly events: readonly Event[];
  readonly after: number;
}

export class Told {
  readonly #channels: readonly Taken[];
  /** Where its audience stands, one offset for each channel, since all is on its way. */
  #ends: readonly number[] | null = null;

  constructor(channels: readonly Taken[]) {
    this.#channels = channels;
  }

  get bytes(): number {
    return this.#channels.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  get isEnded(): boolean {
    return this.#ends !== null;
  }

  end(offsets: readonly number[]): void {
    this.#ends = offsets;
  }

  after(index: number, offset: number): Fresh {
    const { events, start } = this.#channels[index]!;
    return { events: events.filter((event) => event.offset > offset), after: Math.max(offset, start) };
  }

  /** Whether a reader at the position, in the channel of this index, has to be told some of it and can be told all. */
  covers(index: number, { epoch, offset }: Position): boolean {
    const { epoch: ours, floor, events } = this.#channels[index]!;
    const end = this.#ends?.[index] ?? events.at(-1)?.offset ?? floor;
    return epoch === ours && offset >= floor && offset < end;
  }

  /** For such a reader, once all is on its way; `through` is where it is that was given all of it. */
  pageFor(index: number, position: Position): (Fresh & { readonly through: number }) | null {
    if (this.#ends === null || !this.covers(index, position)) return null;
    return { ...this.after(index, position.offset), through: this.#ends[index]! };
  }
}

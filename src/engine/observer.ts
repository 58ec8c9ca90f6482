/** Who hears of a channel's commits: a part of the contract (`engine.ts`). */
import type { Event } from '../domain/event.ts';
import type { Epoch } from '../domain/position.ts';

export interface ChannelObserver {
  /** What one commit added to the channel: at least one event, contiguous. */
  published(epoch: Epoch, events: readonly Event[]): void;
  /**
   * Batches may have been missed, or the shard has a new epoch: compare with `readHistory`. Nothing is published to the
   * observer between the loss and this call, because it could seem to follow on what it has seen.
   */
  suspect(): void;
}

export interface Subscription {
  /** No further call to the observer. Does not fail. */
  close(): void;
}

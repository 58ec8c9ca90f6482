/** What a hub is given: the store, and what it shares with the other hubs of its gateway. */
import type { Channel } from '../../domain/channel.ts';
import type { Event } from '../../domain/event.ts';
import type { Engine, Histories } from '../../engine/engine.ts';
import type { Comparer } from './comparer.ts';
import type { RingHolder } from './ring-budget.ts';
import type { Slots } from './slots.ts';
import type { Snapshots } from './snapshots.ts';

export interface HubDeps {
  readonly engine: Engine;
  /** Where its readers' pages come from. Default: the engine, which keeps the newest events alone. */
  readonly histories?: Histories;
  /** Told by how much a hub holds more or less, in bytes. */
  readonly account: (bytes: number, hub: RingHolder) => void;
  /** What one ring may cost, bytes. */
  readonly ringMaxBytes?: number;
  /** For the pages of all hubs of a gateway. */
  readonly pages?: Slots;
  readonly snapshots?: Snapshots;
  readonly comparer?: Comparer;
  /** Whether the part of the store that has the channel is known to be away. */
  readonly isAway?: (channel: Channel) => boolean;
  readonly onError: (channel: Channel, error: unknown) => void;
  /** Told what it has that is new, for whoever follows a trace. */
  readonly onEvents?: (channel: Channel, events: readonly Event[]) => void;
}

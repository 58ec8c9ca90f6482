/** What an operator asks of an archive: how large it is, whether it is whole, what it has. Not for processes that serve. */
import type { Channel } from '../domain/channel.ts';
import type { Event } from '../domain/event.ts';
import type { State } from '../domain/state.ts';
import type { ArchivedLog } from './archive.ts';

export interface ArchiveStatus {
  readonly channels: number;
  /** With those that are not current any more. */
  readonly logs: number;
  readonly events: number;
  readonly bytes: number;
  readonly shards: readonly { readonly shard: number; readonly epoch: string | null; readonly rev: number }[];
}

export interface InspectedLog extends ArchivedLog {
  readonly channel: Channel;
  readonly isCurrent: boolean;
}

/** What the reducer of a channel has made of its events, up to its head. */
export interface InspectedState {
  readonly reducer: string;
  /** Not of all of them: from some moment on another reducer went on with nothing. */
  readonly isBegunAnew: boolean;
  readonly fields: State;
}

export interface Inspection {
  /** Brings the tables up to this version. @returns What was run. */
  migrate(): Promise<string[]>;
  status(): Promise<ArchiveStatus>;
  /** Of one channel, or of all, the oldest first; so many after an id at most. */
  logs(channel: Channel | null, afterId: string, limit: number): Promise<InspectedLog[]>;
  /**
   * The next pieces of a log after an offset, each with its events.
   *
   * @throws a `TypeError` for one that cannot be read.
   */
  pieces(log: string, after: number, limit: number): Promise<{ first: number; last: number; events: Event[] }[]>;
  /** Null where states are kept elsewhere. */
  state(log: InspectedLog): Promise<InspectedState | null>;
  close(): Promise<void>;
}

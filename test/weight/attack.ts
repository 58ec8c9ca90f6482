/**
 * What an attack on a server's memory and time consists of: the servers it is for, how much it sends, and what must come of it.
 *
 * An attack runs in a process of its own, is bounded in count and time, closes what it opened, and judges the answers it got;
 * what the servers and the good clients beside it felt is judged by `trial.ts`.
 */
import type { ServerEnv } from '../support/process.ts';
import type { HeldThing } from './budget.ts';
import type { Choice } from './settings.ts';

/** `small` is for `npm test`; `full` is what the project promises. */
export type Size = 'small' | 'full';

/** One process with everything in memory; one on Redis; or bucket, merger and gateway apart on a Redis. */
export type Store = 'memory' | 'redis' | 'apart';

export interface Target {
  readonly bucketUrl: string;
  readonly gatewayUrl: string;
  /** Null in memory. */
  readonly redisPort: number | null;
  /** By role; all the same where they are not apart. */
  readonly pids: { readonly bucket: number; readonly merger: number; readonly gateway: number };
  readonly shards: number;
  /** Whether bounds that the attack raises for its own sake are left as they are. */
  readonly choice: Choice;
}

export interface Did {
  /** What the attacker sent and got. */
  readonly figures: Readonly<Record<string, number | string>>;
  /** A sentence for each thing that was answered as it must not be. */
  readonly faults: readonly string[];
}

export interface Drive {
  readonly target: Target;
  readonly size: Size;
}

export interface Attack {
  readonly name: string;
  readonly promise: string;
  readonly store: Store;
  /** On top of the settings of the run. */
  readonly env?: (size: Size) => ServerEnv;
  /** How many files and sockets the server may open. */
  readonly descriptors?: (size: Size) => number;
  /** What it drives to its bound; the rest of the table is for all. */
  readonly holds: readonly HeldThing[];
  /** What its drive leaves in the store, which without Redis is in the process itself. */
  readonly storedBytes?: (size: Size) => number;
  /** The servers end under it, in order: there are no good clients beside it. */
  readonly endsServers?: boolean;
  /**
   * What loses its connection to the store: events come again within 5 s (I10). Where that is all of a process, a change that is
   * answered 503 meanwhile is as promised (P5).
   */
  readonly cuts?: 'all' | 'subscription';
  /** Idle connections are closed to make room: a request that crosses with that has no answer, and is sent again (RFC 9112 §9.3.1). */
  readonly cutsIdle?: boolean;
  /** Bytes of log that it may cause. */
  readonly logBytes?: number;
  /** Differs from another only in where or how often, or its kind has a test of its own elsewhere; not in `npm test`. */
  readonly isVariant?: boolean;
  /** Before anything is measured. */
  prepare?(drive: Drive): Promise<void>;
  drive(drive: Drive): Promise<Did>;
}

/** What the coordinator and its processes say to each other. */

import type { Sparse } from '../measures/histogram.ts';
import type { LoadOptions } from './arguments.ts';
import type { WorkerPlan } from './plan.ts';

/** What a worker is to do. */
export interface Work {
  readonly options: LoadOptions;
  readonly plan: WorkerPlan;
  /** In the names of all channels and publishers: a run shares nothing with another. */
  readonly nonce: string;
  /** Host names looked up once, for all. */
  readonly target: Address;
  readonly streamsTargets: readonly Address[];
  /** This process' part of what is asked for in all. */
  readonly openPerS: number;
  readonly openingMax: number;
  readonly connections: number;
  /** Between two looks at what is due, milliseconds. */
  readonly tickMs: number;
}

export interface Address {
  readonly host: string;
  readonly port: number;
  /** For the `Host` header. */
  readonly name: string;
}

export const offenceKinds = [
  'missing',
  'repeated',
  'out of order',
  'late',
  'wrong bytes',
  'disconnected',
  'reset',
  'cursor ignored',
  'refused',
  'foreign',
  'malformed',
] as const;

export type OffenceKind = (typeof offenceKinds)[number];

export interface Offence {
  readonly atMs: number;
  /** What first looks missing may come later: then it was out of order. */
  kind: OffenceKind;
  readonly channel: string;
  /** Null where no event is concerned. */
  readonly offset: number | null;
  /** The stream, counted over all processes; null where none is concerned. */
  readonly stream: number | null;
  readonly detail: string;
}

export interface Counts {
  /** Streams that are open now. */
  open: number;
  /** Streams that have been open at least once. */
  opened: number;
  /** Tries that ended without a stream. */
  openFailures: number;
  /** Changes that were due. */
  due: number;
  /** Changes with a 204. */
  accepted: number;
  /** Of those, deliveries that are owed: one for each stream of the channel. */
  owed: number;
  /** Events, each counted once for each stream. */
  received: number;
  /** POSTs sent once more, because nobody knows what became of them. */
  resent: number;
  /** Streams that were cut on purpose. */
  cut: number;
  /** Streams that came back with their cursor and were given what they had missed. */
  resumed: number;
  /** Events of before the cursor, which a server may send again after a resume (P15). */
  repeatedAfterResume: number;
  /** Disconnects that a `$bye` or `$overloaded` announced. */
  announced: number;
  /** Disconnects before the load began. */
  early: number;
  heartbeats: number;
}

export function noCounts(): Counts {
  return {
    open: 0,
    opened: 0,
    openFailures: 0,
    due: 0,
    accepted: 0,
    owed: 0,
    received: 0,
    resent: 0,
    cut: 0,
    resumed: 0,
    repeatedAfterResume: 0,
    announced: 0,
    early: 0,
    heartbeats: 0,
  };
}

export type OffenceCounts = Partial<Record<OffenceKind, number>>;

/** Sent every second: counts are since the start, histograms since the last one. */
export interface Tick {
  readonly kind: 'tick';
  readonly counts: Counts;
  readonly offenceCounts: OffenceCounts;
  /** The first few. */
  readonly offences: readonly Offence[];
  readonly latency: Sparse;
  /** From the reopening of a stream to what it had missed. */
  readonly catchUp: Sparse;
  readonly post: Sparse;
  /** By how much the loop was late at its own timers. */
  readonly delay: Sparse;
  readonly cpuS: number;
  readonly residentBytes: number;
  /** Why the last stream that was not opened was not. */
  readonly lastFailure: string | null;
}

/** Changes of split channels: room, client, seq, when they were due; four numbers each. */
export interface Told {
  readonly kind: 'told';
  readonly sent: readonly number[];
}

/** For each split channel: how many changes of each client were accepted. */
export interface Accepted {
  readonly kind: 'accepted';
  readonly rooms: readonly { readonly room: number; readonly accepted: readonly number[] }[];
}

export type Order =
  | { readonly kind: 'work'; readonly work: Work }
  | { readonly kind: 'prime' }
  | { readonly kind: 'open' }
  | { readonly kind: 'load' }
  | { readonly kind: 'quiet' }
  | { readonly kind: 'settle'; readonly deadlineMs: number }
  | { readonly kind: 'close' }
  | Told
  | Accepted;

export type Answer =
  | { readonly kind: 'ready'; readonly residentBytes: number }
  | { readonly kind: 'primed' }
  | { readonly kind: 'opened'; readonly residentBytes: number }
  | { readonly kind: 'quiet' }
  | { readonly kind: 'settled' }
  | { readonly kind: 'closed' }
  | Tick
  | Told
  | Accepted;

/** What a run has shown: all that the page, the JSON and the last lines on the terminal are made of. */

import type { Quantiles } from '../measures/histogram.ts';
import type { LoadOptions } from './arguments.ts';
import type { Counts, Offence, OffenceCounts } from './messages.ts';

/** One second. */
export interface Sample {
  /** Since the first stream was asked for. */
  readonly atS: number;
  readonly open: number;
  readonly sentPerS: number;
  readonly receivedPerS: number;
  /** Null in a second in which nothing came. */
  readonly latency: Pick<Quantiles, 'p50Ms' | 'p99Ms' | 'maxMs'> | null;
  readonly postP99Ms: number | null;
  readonly offences: number;
  readonly resent: number;
  /** Cores. */
  readonly testerCpu: number;
  readonly machineCpu: number;
  readonly delayP99Ms: number;
  /** Bytes by part: `tester`, `available`, and whatever a fleet adds. */
  readonly memory: Readonly<Record<string, number>>;
}

/** A minute of the load; the last may be shorter. */
export interface Minute {
  readonly seconds: number;
  /** Streams at its end. */
  readonly open: number;
  readonly acceptedPerS: number;
  readonly receivedPerS: number;
  /** Streams that were cut on purpose. */
  readonly cut: number;
  readonly latency: Quantiles;
  readonly post: Quantiles;
  /** Cores. */
  readonly testerCpu: number;
  readonly machineCpu: number;
  readonly offences: number;
}

export interface Bucket {
  readonly ms: number;
  readonly count: number;
}

export interface Tester {
  readonly processes: number;
  readonly sources: number;
  /** Of all its processes at the end of the load; what they share is counted once. */
  readonly memoryBytes: number;
  /** What one more stream costs in the tester: its processes with all streams less without, divided. */
  readonly bytesPerStream: number | null;
  /** Cores used while the load ran: all processes together, and the busiest. */
  readonly cpu: number;
  readonly busiestCpu: number;
  readonly machineCpu: number;
  readonly cores: number;
  readonly delay: Quantiles;
  /** A sentence when the figures are the tester's and not the target's. */
  readonly limit: string | null;
}

export interface Result {
  readonly startedAt: string;
  readonly node: string;
  readonly machine: string;
  readonly options: LoadOptions;
  readonly isClean: boolean;
  /** Why it ended before its time; null when it did not. */
  readonly cutShort: string | null;
  readonly counts: Counts;
  readonly missingDeliveries: number;
  readonly offenceCounts: OffenceCounts;
  readonly offences: readonly Offence[];
  readonly openS: number;
  readonly loadS: number;
  /** From the due time of a change to its event at each stream. */
  readonly latency: Quantiles;
  readonly latencyBuckets: readonly Bucket[];
  /** From the reopening of a stream to each event it had missed. */
  readonly catchUp: Quantiles;
  /** From the due time of a change to its 204. */
  readonly post: Quantiles;
  readonly tester: Tester;
  readonly samples: readonly Sample[];
  readonly minutes: readonly Minute[];
  /** Tables that a fleet adds: a title, a head and rows. */
  readonly tables: readonly Table[];
}

export interface Table {
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** What the figures are, where the head does not say it. */
  readonly notes?: string;
}

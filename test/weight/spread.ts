/** What a histogram comes to in a row of a report. */
import type { Histogram } from '../../loadtest/measures/histogram.ts';

export interface Spread {
  readonly count: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

export function spreadOf(histogram: Histogram): Spread {
  const { count, p50Ms, p99Ms, maxMs } = histogram.quantiles();
  return { count, p50Ms, p99Ms, maxMs };
}

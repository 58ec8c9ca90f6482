/**
 * A histogram in the manner of HDR: log-linear buckets, so that a quantile is at most 0.8 % off at any magnitude, in a
 * fixed 18 KB, and histograms of several processes or seconds are added up without losing anything.
 *
 * Values are microseconds; milliseconds at the rim, because that is what people read.
 */

/** Buckets between a power of two and the next: half a bucket is the error, 1 / 128. */
const STEPS = 64;
const STEPS_LOG2 = 6;
/** 2⁴⁰ µs are twelve days. */
const MAX_LOG2 = 40;
const BUCKETS = (MAX_LOG2 - STEPS_LOG2 + 1) * STEPS;

/** Index, count, index, count …: what goes from process to process. */
export type Sparse = readonly number[];

export interface Quantiles {
  readonly count: number;
  readonly p50Ms: number;
  readonly p90Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
}

export class Histogram {
  readonly #counts = new Float64Array(BUCKETS);
  count = 0;
  #maxUs = 0;

  recordMs(ms: number): void {
    const us = Math.max(0, Math.round(ms * 1000));
    const index = bucketOf(us);
    this.#counts[index]! += 1;
    this.count += 1;
    if (us > this.#maxUs) this.#maxUs = us;
  }

  add(sparse: Sparse): void {
    for (let i = 0; i < sparse.length; i += 2) {
      const index = sparse[i]!;
      const count = sparse[i + 1]!;
      this.#counts[index]! += count;
      this.count += count;
      this.#maxUs = Math.max(this.#maxUs, middleOf(index));
    }
  }

  /** What came since the last call; the histogram is empty afterwards. */
  take(): Sparse {
    const sparse: number[] = [];
    if (this.count === 0) return sparse;
    for (let i = 0; i < BUCKETS; i++) if (this.#counts[i]! > 0) sparse.push(i, this.#counts[i]!);
    this.#counts.fill(0);
    this.count = 0;
    this.#maxUs = 0;
    return sparse;
  }

  /** The value that a share `q` of all values does not exceed, milliseconds; 0 when there are none. */
  quantileMs(q: number): number {
    let left = Math.max(1, Math.ceil(this.count * q));
    if (this.count === 0) return 0;
    for (let i = 0; i < BUCKETS; i++) {
      left -= this.#counts[i]!;
      if (left <= 0) return Math.min(middleOf(i), this.#maxUs) / 1000;
    }
    return this.#maxUs / 1000;
  }

  quantiles(): Quantiles {
    return {
      count: this.count,
      p50Ms: this.quantileMs(0.5),
      p90Ms: this.quantileMs(0.9),
      p99Ms: this.quantileMs(0.99),
      p999Ms: this.quantileMs(0.999),
      maxMs: this.#maxUs / 1000,
    };
  }

  /** Every bucket with something in it, by its middle in milliseconds. */
  buckets(): { readonly ms: number; readonly count: number }[] {
    const found: { ms: number; count: number }[] = [];
    for (let i = 0; i < BUCKETS; i++) {
      if (this.#counts[i]! > 0) found.push({ ms: middleOf(i) / 1000, count: this.#counts[i]! });
    }
    return found;
  }
}

function bucketOf(us: number): number {
  if (us < 2 * STEPS) return us;
  // Of a number that doubles hold exactly, log2 is never off by one towards zero at a power of two below 2⁴⁸.
  const log2 = Math.floor(Math.log2(us));
  if (log2 >= MAX_LOG2) return BUCKETS - 1;
  const shift = log2 - STEPS_LOG2;
  return shift * STEPS + Math.floor(us / 2 ** shift);
}

/** The middle of a bucket, microseconds. */
function middleOf(index: number): number {
  if (index < 2 * STEPS) return index;
  const shift = Math.floor(index / STEPS) - 1;
  return (index - shift * STEPS + 0.5) * 2 ** shift;
}

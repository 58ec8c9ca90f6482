/** Minute by minute under load: quantiles of a whole minute, which those of its seconds do not tell. */
import { Histogram } from '../measures/histogram.ts';
import type { Counts, Tick } from './messages.ts';
import type { Minute } from './result.ts';

/** What has been counted until a moment. */
export interface Totals {
  readonly ms: number;
  readonly counts: Counts;
  readonly offences: number;
  readonly testerCpuS: number;
  readonly machineCpuS: number;
}

const MINUTE_MS = 60_000;
/** Samples are about a second apart: the one that is nearest ends the minute. */
const SLACK_MS = 500;

export class Minutes {
  readonly list: Minute[] = [];
  #from: Totals | null = null;
  #latency = new Histogram();
  #post = new Histogram();

  begin(totals: Totals): void {
    this.#from = totals;
    this.#latency = new Histogram();
    this.#post = new Histogram();
  }

  add({ latency, post }: Tick): void {
    this.#latency.add(latency);
    this.#post.add(post);
  }

  look(totals: Totals): void {
    if (this.#from === null || totals.ms - this.#from.ms < MINUTE_MS - SLACK_MS) return;
    this.#close(this.#from, totals);
    this.begin(totals);
  }

  /** The rest is no whole minute. */
  end(totals: Totals): void {
    if (this.#from !== null && totals.ms - this.#from.ms > SLACK_MS) this.#close(this.#from, totals);
    this.#from = null;
  }

  #close(from: Totals, to: Totals): void {
    const seconds = (to.ms - from.ms) / 1000;
    const perS = (name: 'accepted' | 'received') => (to.counts[name] - from.counts[name]) / seconds;
    this.list.push({
      seconds,
      open: to.counts.open,
      acceptedPerS: perS('accepted'),
      receivedPerS: perS('received'),
      cut: to.counts.cut - from.counts.cut,
      latency: this.#latency.quantiles(),
      post: this.#post.quantiles(),
      testerCpu: (to.testerCpuS - from.testerCpuS) / seconds,
      machineCpu: (to.machineCpuS - from.machineCpuS) / seconds,
      offences: to.offences - from.offences,
    });
  }
}

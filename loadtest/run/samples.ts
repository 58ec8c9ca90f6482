/** Second by second: what all processes told since the last look, as one sample; and the whole, added up. */
import { cpus } from 'node:os';
import { Histogram } from '../measures/histogram.ts';
import { readCpu, readMemory } from '../measures/machine.ts';
import { type Counts, noCounts, type Offence, type OffenceCounts, type Tick } from './messages.ts';
import { Minutes, type Totals } from './minutes.ts';
import type { Minute, Sample } from './result.ts';

/** A run of a day at a sample a second is too much for a page: from here on every second one is dropped. */
const SAMPLES_MAX = 3600;

export interface Samples {
  readonly list: readonly Sample[];
  readonly minutes: readonly Minute[];
  readonly counts: Counts;
  readonly offenceCounts: OffenceCounts;
  /** Of all processes, the earliest first. */
  readonly offences: readonly Offence[];
  readonly latency: Histogram;
  readonly catchUp: Histogram;
  readonly post: Histogram;
  readonly delay: Histogram;
  readonly lastFailure: string | null;
  add(tick: Tick, worker: number): void;
  /** Takes a sample of what was added since the last. */
  take(memory: Readonly<Record<string, number>>): Sample;
  /** From here on CPU, delays and minutes are those of the load. */
  begin(): void;
  /** The load is over. @returns Cores used since `begin`. */
  end(): { readonly tester: number; readonly busiest: number; readonly machine: number };
}

export function createSamples(workers: number, startedMs: number): Samples {
  const ticks: (Tick | undefined)[] = new Array(workers).fill(undefined);
  const list: Sample[] = [];
  const latency = new Histogram();
  const catchUp = new Histogram();
  const post = new Histogram();
  const minutes = new Minutes();
  let delay = new Histogram();
  let second = { latency: new Histogram(), post: new Histogram(), delay: new Histogram() };
  let every = 1;
  let skipped = 0;

  const sumOf = (pick: (tick: Tick) => number) => ticks.reduce((sum, tick) => sum + (tick ? pick(tick) : 0), 0);
  const sumOfOffences = () => Object.values(offenceCountsNow()).reduce((sum, count) => sum + count, 0);

  function testerCpuS(): number {
    const { user, system } = process.cpuUsage();
    return sumOf((tick) => tick.cpuS) + (user + system) / 1e6;
  }

  function totalsNow(): Totals {
    return {
      ms: performance.now(),
      counts: countsNow(),
      offences: sumOfOffences(),
      testerCpuS: testerCpuS(),
      machineCpuS: readCpu().busyS,
    };
  }

  function countsNow(): Counts {
    const counts = noCounts();
    for (const name of Object.keys(counts) as (keyof Counts)[]) counts[name] = sumOf((tick) => tick.counts[name]);
    return counts;
  }

  function offenceCountsNow(): OffenceCounts {
    const all: OffenceCounts = {};
    for (const tick of ticks) {
      for (const [kind, count] of Object.entries(tick?.offenceCounts ?? {})) {
        all[kind as keyof OffenceCounts] = (all[kind as keyof OffenceCounts] ?? 0) + count;
      }
    }
    return all;
  }

  let last = totalsNow();
  let begun = { totals: last, cpuS: ticks.map(() => 0) };

  return {
    list,
    minutes: minutes.list,
    latency,
    catchUp,
    post,
    get delay() {
      return delay;
    },
    get counts() {
      return countsNow();
    },
    get offenceCounts() {
      return offenceCountsNow();
    },
    get offences() {
      return ticks.flatMap((tick) => tick?.offences ?? []).sort((a, b) => a.atMs - b.atMs);
    },
    get lastFailure() {
      return ticks.map((tick) => tick?.lastFailure).find((reason) => reason != null) ?? null;
    },
    add(tick, worker) {
      ticks[worker] = tick;
      minutes.add(tick);
      latency.add(tick.latency);
      second.latency.add(tick.latency);
      catchUp.add(tick.catchUp);
      post.add(tick.post);
      second.post.add(tick.post);
      delay.add(tick.delay);
      second.delay.add(tick.delay);
    },
    take(memory) {
      const now = totalsNow();
      const { counts, offences } = now;
      const seconds = Math.max(0.001, (now.ms - last.ms) / 1000);
      const sample: Sample = {
        atS: (now.ms - startedMs) / 1000,
        open: counts.open,
        sentPerS: (counts.accepted - last.counts.accepted) / seconds,
        receivedPerS: (counts.received - last.counts.received) / seconds,
        latency: second.latency.count === 0 ? null : second.latency.quantiles(),
        postP99Ms: second.post.count === 0 ? null : second.post.quantileMs(0.99),
        offences,
        resent: counts.resent,
        testerCpu: (now.testerCpuS - last.testerCpuS) / seconds,
        machineCpu: (now.machineCpuS - last.machineCpuS) / seconds,
        delayP99Ms: second.delay.quantileMs(0.99),
        memory: {
          tester: sumOf((tick) => tick.residentBytes) + process.memoryUsage.rss(),
          available: readMemory().availableBytes,
          ...memory,
        },
      };
      last = now;
      minutes.look(now);
      second = { latency: new Histogram(), post: new Histogram(), delay: new Histogram() };
      if (skipped === 0) list.push(sample);
      skipped = (skipped + 1) % every;
      if (list.length >= SAMPLES_MAX) {
        list.splice(0, list.length, ...list.filter((_, i) => i % 2 === 0));
        every *= 2;
      }
      return sample;
    },
    begin() {
      begun = { totals: totalsNow(), cpuS: ticks.map((tick) => tick?.cpuS ?? 0) };
      delay = new Histogram();
      minutes.begin(begun.totals);
    },
    end() {
      const now = totalsNow();
      minutes.end(now);
      const seconds = Math.max(0.001, (now.ms - begun.totals.ms) / 1000);
      const shares = ticks.map((tick, i) => ((tick?.cpuS ?? 0) - begun.cpuS[i]!) / seconds);
      return {
        tester: (now.testerCpuS - begun.totals.testerCpuS) / seconds,
        busiest: Math.max(0, ...shares),
        machine: Math.min(cpus().length, (now.machineCpuS - begun.totals.machineCpuS) / seconds),
      };
    },
  };
}

/** Second by second: what all processes told since the last look, as one sample; and the whole, added up. */
import { cpus } from 'node:os';
import { Histogram } from './histogram.ts';
import { readCpu, readMemory } from './machine.ts';
import { type Counts, noCounts, type Offence, type OffenceCounts, type Tick } from './messages.ts';
import type { Sample } from './result.ts';

/** A run of a day at a sample a second is too much for a page: from here on every second one is dropped. */
const SAMPLES_MAX = 3600;

export interface Samples {
  readonly list: readonly Sample[];
  readonly counts: Counts;
  readonly offenceCounts: OffenceCounts;
  /** Of all processes, the earliest first. */
  readonly offences: readonly Offence[];
  readonly latency: Histogram;
  readonly catchUp: Histogram;
  readonly post: Histogram;
  readonly delay: Histogram;
  readonly lastFailure: string | null;
  readonly residentBytes: number;
  add(tick: Tick, worker: number): void;
  /** Takes a sample of what was added since the last. */
  take(memory: Readonly<Record<string, number>>): Sample;
  /** From here on CPU and delays are those of the load. */
  mark(): void;
  /** Cores used since `mark`. */
  cpu(): { readonly tester: number; readonly busiest: number; readonly machine: number };
}

export function createSamples(workers: number, startedMs: number): Samples {
  const ticks: (Tick | undefined)[] = new Array(workers).fill(undefined);
  const list: Sample[] = [];
  const latency = new Histogram();
  const catchUp = new Histogram();
  const post = new Histogram();
  let delay = new Histogram();
  let second = { latency: new Histogram(), post: new Histogram(), delay: new Histogram() };
  let lastCounts = noCounts();
  let lastMs = performance.now();
  let lastCpuS = 0;
  let lastMachine = readCpu();
  let every = 1;
  let skipped = 0;
  let marked = { ms: performance.now(), cpuS: ticks.map(() => 0), machine: readCpu() };

  const sumOf = (pick: (tick: Tick) => number) => ticks.reduce((sum, tick) => sum + (tick ? pick(tick) : 0), 0);
  const ownCpuS = () => process.cpuUsage().user / 1e6 + process.cpuUsage().system / 1e6;

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

  return {
    list,
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
    get residentBytes() {
      return sumOf((tick) => tick.residentBytes) + process.memoryUsage.rss();
    },
    add(tick, worker) {
      ticks[worker] = tick;
      latency.add(tick.latency);
      second.latency.add(tick.latency);
      catchUp.add(tick.catchUp);
      post.add(tick.post);
      second.post.add(tick.post);
      delay.add(tick.delay);
      second.delay.add(tick.delay);
    },
    take(memory) {
      const now = performance.now();
      const seconds = Math.max(0.001, (now - lastMs) / 1000);
      const counts = countsNow();
      const cpuS = sumOf((tick) => tick.cpuS) + ownCpuS();
      const machine = readCpu();
      const { availableBytes } = readMemory();
      const tester = sumOf((tick) => tick.residentBytes) + process.memoryUsage.rss();
      const sample: Sample = {
        atS: (now - startedMs) / 1000,
        open: counts.open,
        sentPerS: (counts.accepted - lastCounts.accepted) / seconds,
        receivedPerS: (counts.received - lastCounts.received) / seconds,
        latency: second.latency.count === 0 ? null : second.latency.quantiles(),
        postP99Ms: second.post.count === 0 ? null : second.post.quantileMs(0.99),
        offences: Object.values(offenceCountsNow()).reduce((sum, count) => sum + count, 0),
        resent: counts.resent,
        testerCpu: (cpuS - lastCpuS) / seconds,
        machineCpu: (machine.busyS - lastMachine.busyS) / seconds,
        delayP99Ms: second.delay.quantileMs(0.99),
        memory: { tester, available: availableBytes, ...memory },
      };
      second = { latency: new Histogram(), post: new Histogram(), delay: new Histogram() };
      lastCounts = counts;
      lastMs = now;
      lastCpuS = cpuS;
      lastMachine = machine;
      if (skipped === 0) list.push(sample);
      skipped = (skipped + 1) % every;
      if (list.length >= SAMPLES_MAX) {
        list.splice(0, list.length, ...list.filter((_, i) => i % 2 === 0));
        every *= 2;
      }
      return sample;
    },
    mark() {
      marked = { ms: performance.now(), cpuS: ticks.map((tick) => tick?.cpuS ?? 0), machine: readCpu() };
      delay = new Histogram();
    },
    cpu() {
      const seconds = Math.max(0.001, (performance.now() - marked.ms) / 1000);
      const shares = ticks.map((tick, i) => ((tick?.cpuS ?? 0) - marked.cpuS[i]!) / seconds);
      return {
        tester: shares.reduce((sum, share) => sum + share, 0),
        busiest: Math.max(0, ...shares),
        machine: Math.min(cpus().length, (readCpu().busyS - marked.machine.busyS) / seconds),
      };
    },
  };
}

/**
 * A run from its plan to its result:
 *
 *   look     does the target answer, do this machine's limits allow it
 *   prime    every channel gets a first change, so that it exists
 *   open     all streams, at the pace that was asked for
 *   load     changes are sent, streams are cut and come back; from here on a stream that ends is an offence
 *   settle   nothing is sent any more; everything has to arrive
 *
 * Invariant: it ends with a result, whatever happens in between: an abort, a target that dies, too little memory. What it has
 * started is gone when it resolves.
 */
import { cpus, release, totalmem } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { proportionalBytesOf, readLimits, readMemory } from '../measures/machine.ts';
import type { LoadOptions } from './arguments.ts';
import { type Crew, startCrew } from './crew.ts';
import type { Work } from './messages.ts';
import { planWorkers, type WorkerPlan } from './plan.ts';
import { addressOf, isLoopback, preflight } from './preflight.ts';
import type { Phase, Progress } from './progress.ts';
import type { Result, Table } from './result.ts';
import { createSamples, type Samples } from './samples.ts';
import { limitSentence } from './verdict.ts';

export interface Hooks {
  readonly progress: Progress;
  /** Ctrl-C, or somebody who watches over memory; the reason is told. */
  readonly signal: AbortSignal;
  /** More memory by part, and what else is known about it in the end. */
  readonly memory?: () => Readonly<Record<string, number>>;
  readonly tables?: () => readonly Table[];
  /** Told once, when the processes run. */
  readonly onCrew?: (pids: readonly number[]) => void;
  /** Told when each phase begins. */
  readonly onPhase?: (phase: Phase) => void | Promise<void>;
}

const SAMPLE_MS = 1000;
/** Connects under way at once, in all: far below a listen backlog of 4,096. */
const OPENING_MAX = 1000;
/** Streams are given up when they could not be opened in this time and twice what the pace asks for. */
const OPEN_BASE_S = 60;
/** An opened stream costs a server and a tester on the same two cores about a millisecond. */
const OPEN_SLOWEST_PER_S = 500;
/** One change to each channel before the first stream. */
const PRIME_BASE_S = 30;
const PRIME_SLOWEST_PER_S = 200;
/** A change can take 50 ms on a full machine: with one connection 20 a second would be the end of it. */
const CONNECTIONS_MIN = 4;
/** A look at what is due costs each process a wake-up: with many of them they come further apart. */
const TICK_MIN_MS = 20;
const TICK_MAX_MS = 200;
const TICK_PER_WORKER_MS = 4;
/** Below this much free memory a machine that has no swap kills processes. */
const MEMORY_MIN_SHARE = 0.03;

/** @throws {BadUse} before anything has been started. */
export async function runLoad(options: LoadOptions, hooks: Hooks): Promise<Result> {
  const target = await addressOf(options.target);
  const streamsTargets = await Promise.all(options.streamsTargets.map(addressOf));
  const plans = planWorkers(options, readLimits(), [...streamsTargets, target].every(isLoopback));
  const nonce = Math.floor(Math.random() * 36 ** 6).toString(36);
  await preflight(target, streamsTargets, nonce);
  const works = plans.map((plan) => workOf(plan, plans, { options, nonce, target, streamsTargets }));
  const startedMs = performance.now();
  const samples = createSamples(works.length, startedMs);
  const run = new Run(options, hooks, samples);
  const crew = await startCrew({ works, onTick: (tick, worker) => samples.add(tick, worker) });
  hooks.onCrew?.(crew.pids);
  const timer = setInterval(() => run.look(), SAMPLE_MS);
  try {
    await run.through(crew);
  } finally {
    clearInterval(timer);
    await crew.stop();
    hooks.progress.end();
  }
  return run.result(plans, crew);
}

type Shared = Pick<Work, 'options' | 'nonce' | 'target' | 'streamsTargets'>;

function workOf(plan: WorkerPlan, plans: readonly WorkerPlan[], shared: Shared): Work {
  const { options } = shared;
  const workers = plans.length;
  return {
    ...shared,
    plan,
    openPerS: (options.openPerS * plan.streams) / options.streams,
    openingMax: Math.max(4, Math.floor(OPENING_MAX / workers)),
    connections: Math.max(Math.min(CONNECTIONS_MIN, options.connections), Math.round(options.connections / workers)),
    tickMs: Math.min(TICK_MAX_MS, Math.max(TICK_MIN_MS, workers * TICK_PER_WORKER_MS)),
  };
}

class CutShort extends Error {}

class Run {
  readonly #options: LoadOptions;
  readonly #hooks: Hooks;
  readonly #samples: Samples;
  readonly #startedAt = new Date().toISOString();
  #phase: Phase = 'prime';
  #openS = 0;
  #loadBeganMs = 0;
  #loadS = 0;
  #cpu = { tester: 0, busiest: 0, machine: 0 };
  #memoryBytes = 0;
  #cutShort: string | null = null;
  #stop: (error: Error) => void = () => {};

  constructor(options: LoadOptions, hooks: Hooks, samples: Samples) {
    this.#options = options;
    this.#hooks = hooks;
    this.#samples = samples;
  }

  async through(crew: Crew): Promise<void> {
    const { signal, onPhase } = this.#hooks;
    const stopped = new Promise<never>((_, reject) => {
      this.#stop = reject;
    });
    stopped.catch(() => {});
    const onAbort = () => this.#stop(new CutShort(String(signal.reason)));
    signal.addEventListener('abort', onAbort);
    if (signal.aborted) onAbort();
    const unless = <T>(promise: Promise<T>): Promise<T> => Promise.race([promise, stopped, crew.failed]);
    try {
      await unless(this.#prime(crew));
      this.#phase = 'open';
      await onPhase?.('open');
      await unless(this.#open(crew));
      await onPhase?.('load');
      await unless(this.#load(crew));
      this.#loaded(crew);
      this.#phase = 'settle';
      await onPhase?.('settle');
      await unless(this.#settle(crew));
    } catch (error) {
      this.#cutShort = (error as Error).message;
      if (this.#phase === 'load') this.#loaded(crew);
      await onPhase?.('cut');
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  async #prime(crew: Crew): Promise<void> {
    crew.order({ kind: 'prime' });
    const limitS = PRIME_BASE_S + this.#options.channels / PRIME_SLOWEST_PER_S;
    const late = new AbortController();
    await Promise.race([
      crew.all('primed'),
      sleep(limitS * 1000, undefined, { signal: late.signal, ref: false }).then(() => {
        throw new CutShort(`the first change of every channel was not accepted within ${Math.round(limitS)} s`);
      }),
    ]);
    late.abort();
  }

  async #open(crew: Crew): Promise<void> {
    const { streams, openPerS } = this.#options;
    const beganMs = performance.now();
    crew.order({ kind: 'open' });
    const limitS = OPEN_BASE_S + 2 * Math.max(streams / openPerS, streams / OPEN_SLOWEST_PER_S);
    const late = new AbortController();
    const tooLate = sleep(limitS * 1000, undefined, { signal: late.signal, ref: false }).then(() => {
      const { opened } = this.#samples.counts;
      const why = this.#samples.lastFailure ?? 'nothing was answered';
      throw new CutShort(
        `only ${opened} of ${streams} streams could be opened in ${Math.round(limitS)} s; the last said: ${why}`,
      );
    });
    tooLate.catch(() => {});
    await Promise.race([crew.all('opened'), tooLate]);
    late.abort();
    this.#openS = (performance.now() - beganMs) / 1000;
  }

  async #load(crew: Crew): Promise<void> {
    this.#phase = 'load';
    this.#samples.begin();
    this.#loadBeganMs = performance.now();
    crew.order({ kind: 'load' });
    // Not by itself a reason for the process to go on: it may be cut short.
    await sleep(this.#options.durationS * 1000, undefined, { ref: false });
  }

  #loaded({ pids }: Crew): void {
    this.#loadS = (performance.now() - this.#loadBeganMs) / 1000;
    this.#cpu = this.#samples.end();
    this.#memoryBytes = [process.pid, ...pids].reduce((sum, pid) => sum + proportionalBytesOf(pid), 0);
  }

  async #settle(crew: Crew): Promise<void> {
    const { settleMs } = this.#options;
    crew.order({ kind: 'quiet' });
    const quiet = await Promise.race([
      crew.all('quiet').then(() => true),
      sleep(settleMs, undefined, { ref: false }).then(() => false),
    ]);
    // Of what was never answered nobody knows what became of it: it is owed to no stream.
    if (!quiet) this.#cutShort = `changes were still unanswered ${settleMs / 1000} s after the last was due`;
    crew.order({ kind: 'settle', deadlineMs: Date.now() + settleMs });
    await crew.all('settled');
  }

  /** Once a second. */
  look(): void {
    const samples = this.#samples;
    const sample = samples.take(this.#hooks.memory?.() ?? {});
    this.#hooks.progress.show({
      phase: this.#phase,
      streams: this.#options.streams,
      counts: samples.counts,
      sample,
      missing: samples.offenceCounts.missing ?? 0,
      offences: sample.offences,
    });
    const { availableBytes, totalBytes } = readMemory();
    if (availableBytes >= totalBytes * MEMORY_MIN_SHARE) return;
    const left = Math.round(availableBytes / 2 ** 20);
    this.#stop(
      new CutShort(
        `only ${left} MiB of memory were left with ${sample.open} streams open: stopped before the kernel does`,
      ),
    );
  }

  result(plans: readonly WorkerPlan[], crew: Crew): Result {
    const samples = this.#samples;
    const { counts, offenceCounts, offences, delay } = samples;
    const hasOpened = counts.opened === this.#options.streams;
    const grownBytes = crew.heldBytes('opened') - crew.heldBytes('ready');
    const tester = {
      processes: plans.length,
      sources: plans.reduce((sum, { sources }) => sum + sources.length, 0),
      memoryBytes: this.#memoryBytes,
      bytesPerStream: hasOpened ? grownBytes / this.#options.streams : null,
      cpu: this.#cpu.tester,
      busiestCpu: this.#cpu.busiest,
      machineCpu: this.#cpu.machine,
      cores: cpus().length,
      delay: delay.quantiles(),
    };
    const latency = samples.latency.quantiles();
    return {
      startedAt: this.#startedAt,
      node: process.version,
      machine: `${cpus().length} × ${cpus()[0]?.model.trim() ?? 'CPU'}, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}`,
      options: this.#options,
      isClean: offences.length === 0 && this.#cutShort === null,
      cutShort: this.#cutShort,
      counts,
      missingDeliveries: offenceCounts.missing ?? 0,
      offenceCounts,
      offences,
      openS: this.#openS,
      loadS: this.#loadS,
      latency,
      latencyBuckets: samples.latency.buckets(),
      catchUp: samples.catchUp.quantiles(),
      post: samples.post.quantiles(),
      tester: { ...tester, limit: limitSentence(tester, latency) },
      samples: samples.list,
      minutes: samples.minutes,
      tables: this.#hooks.tables?.() ?? [],
    };
  }
}

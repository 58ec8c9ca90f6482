/**
 * The processes of a run: started, spoken to, added up, ended.
 *
 * Invariant: none outlives this process. They end by themselves when the channel to them closes, and are killed when they
 * do not.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { extname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Accepted, Answer, Order, Tick, Told, Work } from './messages.ts';

/** Short-lived frames beside long-lived sockets: a small young generation, because there are many processes. */
const NODE_ARGS = ['--expose-gc', '--max-semi-space-size=1', '--optimize-for-size'];
/** Processes started at once: a hundred Nodes starting on two cores would all be slow. */
const STARTING_MAX = 4;
const STOP_MS = 3000;

export interface Crew {
  readonly pids: readonly number[];
  order(order: Order): void;
  /** Resolves when every process has answered this since its last order. */
  all(kind: 'primed' | 'opened' | 'quiet' | 'settled'): Promise<void>;
  /** Rejects when a process ends that should not. */
  readonly failed: Promise<never>;
  /** Resident memory of all, as told with `ready` and `opened`: after a collection. */
  heldBytes(kind: 'ready' | 'opened'): number;
  stop(): Promise<void>;
}

export interface CrewOptions {
  readonly works: readonly Work[];
  readonly onTick: (tick: Tick, worker: number) => void;
}

export async function startCrew({ works, onTick }: CrewOptions): Promise<Crew> {
  const children: ChildProcess[] = [];
  const held = { ready: works.map(() => 0), opened: works.map(() => 0) };
  const answered = new Map<string, Set<number>>();
  const waiting = new Map<string, () => void>();
  const split = splitRooms(works);
  let isStopping = false;
  let fail: (error: Error) => void = () => {};
  const failed = new Promise<never>((_, reject) => {
    fail = reject;
  });
  failed.catch(() => {});
  const killAll = () => {
    for (const child of children) child.kill('SIGKILL');
  };
  process.once('exit', killAll);

  /** What a process tells about a split channel goes to the others that hold a part of it. */
  function forward(message: Told | Accepted, from: number): void {
    for (const to of split) if (to !== from) children[to]!.send(message);
  }

  function hear(message: Answer, worker: number): void {
    if (message.kind === 'tick') onTick(message, worker);
    else if (message.kind === 'told' || message.kind === 'accepted') forward(message, worker);
    else {
      if (message.kind === 'ready' || message.kind === 'opened') held[message.kind][worker] = message.residentBytes;
      const set = answered.get(message.kind) ?? new Set();
      set.add(worker);
      answered.set(message.kind, set);
      if (set.size === works.length) waiting.get(message.kind)?.();
    }
  }

  function all(kind: Answer['kind']): Promise<void> {
    if (answered.get(kind)?.size === works.length) return Promise.resolve();
    return new Promise((resolve) => waiting.set(kind, resolve));
  }

  async function startOne(work: Work, index: number): Promise<void> {
    const execArgv = [...process.execArgv.filter((arg) => !arg.startsWith('--test')), ...NODE_ARGS];
    // Under the name this file runs under: as written, or as compiled.
    const child = fork(new URL(`worker${extname(import.meta.url)}`, import.meta.url), { execArgv });
    children[index] = child;
    const ready = new Promise<void>((resolve) => {
      child.on('message', (message: Answer) => {
        hear(message, index);
        if (message.kind === 'ready') resolve();
      });
    });
    child.once('exit', (code, signal) => {
      if (!isStopping) fail(new Error(`process ${index} of the tester ended with ${signal ?? code}`));
    });
    child.send({ kind: 'work', work } satisfies Order);
    await Promise.race([ready, failed]);
  }

  async function stop(): Promise<void> {
    isStopping = true;
    const alive = children.filter((child) => child.exitCode === null && child.signalCode === null);
    const ended = alive.map((child) => once(child, 'exit'));
    const closed = all('closed');
    for (const child of alive) if (child.connected) child.send({ kind: 'close' } satisfies Order);
    await Promise.race([
      closed,
      ...(alive.length < works.length ? [Promise.resolve()] : []),
      sleep(STOP_MS, undefined, { ref: false }),
    ]);
    for (const child of alive) if (child.connected) child.disconnect();
    const late = setTimeout(killAll, STOP_MS);
    await Promise.all(ended);
    clearTimeout(late);
    process.off('exit', killAll);
  }

  try {
    const queue = works.map((work, index) => () => startOne(work, index));
    const lane = async () => {
      for (let job = queue.shift(); job; job = queue.shift()) await job();
    };
    await Promise.all(Array.from({ length: STARTING_MAX }, lane));
  } catch (error) {
    await stop();
    throw error;
  }

  return {
    pids: children.map((child) => child.pid!),
    failed,
    order(order) {
      for (const child of children) if (child.connected) child.send(order);
    },
    all,
    heldBytes: (kind) => held[kind].reduce((sum, bytes) => sum + bytes, 0),
    stop,
  };
}

/** Processes that hold a part of a channel that others hold parts of as well. */
function splitRooms(works: readonly Work[]): number[] {
  return works.flatMap(({ plan }) => (plan.parts.some(({ isSplit }) => isSplit) ? [plan.index] : []));
}

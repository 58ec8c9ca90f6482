/** What a fleet and its load cost, by part: memory while it runs, and CPU from mark to mark. */
import { cpuSecondsOf, proportionalBytesOf, readCpu, readMemory } from '../machine.ts';
import type { Table } from '../result.ts';
import { number } from '../verdict.ts';
import type { PartName } from './process.ts';

export type CostName = PartName | 'kernel' | 'generator';

export interface Costs {
  watch(name: CostName, pids: readonly number[]): void;
  /** Bytes by part; processes are looked at every so often, because that is no small thing to ask the kernel. */
  memory(): Readonly<Record<string, number>>;
  /** The memory of this moment becomes a column of the table, and CPU is counted from here to the next mark. */
  mark(name: string): void;
  tables(streams: number): Table[];
}

/** A hundred processes of a hundred MB cost the kernel a fifth of a second. */
const LOOK_MS = 15_000;
const MIB = 2 ** 20;
const KIB = 1024;

interface Mark {
  readonly name: string;
  readonly ms: number;
  readonly memory: Readonly<Record<string, number>>;
  readonly cpuS: Readonly<Record<string, number>>;
}

export function createCosts(): Costs {
  const watched = new Map<CostName, readonly number[]>();
  const before = kernelBytes();
  const marks: Mark[] = [];
  let looked: Record<string, number> = {};
  let lookedMs = Number.NEGATIVE_INFINITY;

  function look(): Record<string, number> {
    const memory: Record<string, number> = { kernel: Math.max(0, kernelBytes() - before) };
    for (const [name, pids] of watched) memory[name] = pids.reduce((sum, pid) => sum + proportionalBytesOf(pid), 0);
    lookedMs = performance.now();
    return memory;
  }

  function cpuNow(): Record<string, number> {
    const cpu: Record<string, number> = {};
    let known = 0;
    for (const [name, pids] of watched) {
      cpu[name] = pids.reduce((sum, pid) => sum + cpuSecondsOf(pid), 0);
      known += cpu[name];
    }
    cpu['kernel and others'] = readCpu().busyS - known;
    return cpu;
  }

  return {
    watch: (name, pids) => void watched.set(name, pids),
    memory() {
      if (performance.now() - lookedMs > LOOK_MS) looked = look();
      const { generator: _own, ...others } = looked;
      return { ...others, kernel: Math.max(0, kernelBytes() - before) };
    },
    mark(name) {
      looked = look();
      marks.push({ name, ms: performance.now(), memory: looked, cpuS: cpuNow() });
    },
    tables(streams) {
      if (marks.length === 0) return [];
      return [memoryTable(marks, streams), ...(marks.length > 1 ? [cpuTable(marks)] : [])];
    },
  };
}

/** What sockets, files and what belongs to them cost: the kernel's objects, and what TCP has buffered. */
function kernelBytes(): number {
  const { slabBytes, tcpBufferBytes } = readMemory();
  return slabBytes + tcpBufferBytes;
}

function memoryTable(marks: readonly Mark[], streams: number): Table {
  const names = [...new Set(marks.flatMap(({ memory }) => Object.keys(memory)))];
  const last = marks.at(-1)!;
  const row = (name: string, pick: (mark: Mark) => number) => [
    name,
    ...marks.map((mark) => number(pick(mark) / MIB)),
    (pick(last) / streams / KIB).toFixed(2),
  ];
  const total = (mark: Mark) => Object.values(mark.memory).reduce((sum, bytes) => sum + bytes, 0);
  return {
    title: 'Memory by part, MiB',
    head: ['part', ...marks.map(({ name }) => name), 'KiB a stream'],
    rows: [...names.map((name) => row(name, ({ memory }) => memory[name] ?? 0)), row('all', total)],
  };
}

function cpuTable(marks: readonly Mark[]): Table {
  const spans = marks.slice(1).map((mark, i) => ({ from: marks[i]!, to: mark }));
  const names = Object.keys(marks.at(-1)!.cpuS);
  const share = (name: string, { from, to }: (typeof spans)[number]) =>
    Math.max(0, ((to.cpuS[name] ?? 0) - (from.cpuS[name] ?? 0)) / ((to.ms - from.ms) / 1000));
  return {
    title: 'CPU by part, cores',
    head: ['part', ...spans.map(({ from, to }) => `${from.name} → ${to.name}`)],
    rows: names.map((name) => [name, ...spans.map((span) => share(name, span).toFixed(2))]),
  };
}

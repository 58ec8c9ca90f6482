/** What a fleet and its load cost, by part: memory while it runs, and CPU from mark to mark. */
import { cpuSecondsOf, proportionalBytesOf, readCpu, readMemory } from '../measures/machine.ts';
import type { Table } from '../run/result.ts';
import { number } from '../run/verdict.ts';
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
/** A row of its own, not one of the parts: what the machine has lost, whoever has it. */
const TAKEN = 'less available';
const MIB = 2 ** 20;
const KIB = 1024;

interface Mark {
  readonly name: string;
  readonly ms: number;
  readonly memory: Readonly<Record<string, number>>;
  readonly takenBytes: number;
  readonly cpuS: Readonly<Record<string, number>>;
}

export function createCosts(): Costs {
  const watched = new Map<CostName, readonly number[]>();
  const before = readMemory();
  const marks: Mark[] = [];
  let looked: Record<string, number> = {};
  let lookedMs = Number.NEGATIVE_INFINITY;

  /** What sockets, files and processes cost the kernel, of whoever on this machine they are. */
  function kernelBytes(): number {
    return Math.max(0, readMemory().kernelBytes - before.kernelBytes);
  }

  function look(): Record<string, number> {
    const memory: Record<string, number> = { kernel: kernelBytes() };
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
      const { generator, ...others } = looked;
      // Better than what the samples know of themselves, which counts what processes share for each of them.
      return { ...others, kernel: kernelBytes(), ...(generator === undefined ? {} : { tester: generator }) };
    },
    mark(name) {
      looked = look();
      const takenBytes = before.availableBytes - readMemory().availableBytes;
      marks.push({ name, ms: performance.now(), memory: looked, takenBytes, cpuS: cpuNow() });
    },
    tables(streams) {
      if (marks.length === 0) return [];
      return [memoryTable(marks, streams), ...(marks.length > 1 ? [cpuTable(marks)] : [])];
    },
  };
}

function memoryTable(marks: readonly Mark[], streams: number): Table {
  const names = [...new Set(marks.flatMap(({ memory }) => Object.keys(memory)))];
  const last = marks.at(-1)!;
  const perStream = (bytes: number) => (bytes / streams / KIB).toFixed(2);
  const row = (name: string, pick: (mark: Mark) => number) => [
    name,
    ...marks.map((mark) => number(pick(mark) / MIB)),
    perStream(pick(last)),
    perStream(pick(last) - pick(marks[0]!)),
  ];
  const total = (mark: Mark) => Object.values(mark.memory).reduce((sum, bytes) => sum + bytes, 0);
  return {
    notes:
      'Processes: pages they share are counted in equal parts for each. kernel: sockets, files, page tables and buffers of TCP, more than before the start. ' +
      `${TAKEN}: by how much the available memory of the machine has shrunk since then; it includes whatever else ran.`,
    title: 'Memory by part, MiB',
    head: ['part', ...marks.map(({ name }) => name), 'KiB a stream', 'of that since the start'],
    rows: [
      ...names.map((name) => row(name, ({ memory }) => memory[name] ?? 0)),
      row('all', total),
      row(TAKEN, ({ takenBytes }) => takenBytes),
    ],
  };
}

function cpuTable(marks: readonly Mark[]): Table {
  const spans = marks.slice(1).map((mark, i) => ({ from: marks[i]!, to: mark }));
  const names = Object.keys(marks.at(-1)!.cpuS);
  const share = (name: string, { from, to }: (typeof spans)[number]) =>
    Math.max(0, ((to.cpuS[name] ?? 0) - (from.cpuS[name] ?? 0)) / ((to.ms - from.ms) / 1000));
  return {
    notes: 'What the kernel does on behalf of a process is the process’; the last row is all else on the machine.',
    title: 'CPU by part, cores',
    head: ['part', ...spans.map(({ from, to }) => `${from.name} → ${to.name}`)],
    rows: names.map((name) => [name, ...spans.map((span) => share(name, span).toFixed(2))]),
  };
}

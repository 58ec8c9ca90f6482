/** What the machine says of itself, read from /proc: limits, memory by part, CPU. Elsewhere than on Linux: nothing. */
import { readFileSync } from 'node:fs';

/** Linux counts CPU time in these, and it has been 100 a second on every machine for decades. */
const TICKS_PER_SECOND = 100;
const PAGE_BYTES = 4096;
const KIB = 1024;

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

export interface Ports {
  readonly from: number;
  readonly count: number;
}

export interface Limits {
  /** Files and sockets a process may have open at once. */
  readonly descriptors: number;
  /** The same for the whole machine. */
  readonly fileMax: number;
  /** Ports for outgoing connections, per pair of source and destination. */
  readonly ports: Ports;
  readonly memoryAvailableBytes: number;
}

export function readLimits(): Limits {
  const [from = 32_768, to = 60_999] = read('/proc/sys/net/ipv4/ip_local_port_range')
    .split(/\s+/)
    .filter(Boolean)
    .map(Number);
  return {
    descriptors: numberAfter(read('/proc/self/limits'), /^Max open files\s+(\d+)/m) ?? Number.POSITIVE_INFINITY,
    fileMax: Number(read('/proc/sys/fs/file-max')) || Number.POSITIVE_INFINITY,
    ports: { from, count: to - from + 1 },
    memoryAvailableBytes: readMemory().availableBytes,
  };
}

/**
 * The inode of an open socket and its name: 768 and 192 bytes, and what their pages waste. The kernel counts them among what it
 * could give back, and so as available, which they are not: 2 GiB at a million streams with both ends on one machine.
 */
const SOCKET_INODE_BYTES = 1024;

export interface Memory {
  /** What processes could still be given. */
  readonly availableBytes: number;
  readonly totalBytes: number;
  /**
   * Sockets and open files with what belongs to them, what is in TCP's buffers, page tables and stacks of processes. Not the
   * caches of files, which come and go with whatever else runs.
   */
  readonly kernelBytes: number;
}

export function readMemory(): Memory {
  const info = read('/proc/meminfo');
  const sockets = read('/proc/net/sockstat');
  const kib = (name: string) => kibAfter(info, name);
  const tcpPages = numberAfter(sockets, /^TCP:.* mem (\d+)/m) ?? 0;
  const inodesBytes = (numberAfter(sockets, /^sockets: used (\d+)/m) ?? 0) * SOCKET_INODE_BYTES;
  return {
    availableBytes: info === '' ? Number.POSITIVE_INFINITY : kib('MemAvailable') - inodesBytes,
    totalBytes: kib('MemTotal'),
    kernelBytes: kib('SUnreclaim') + inodesBytes + kib('PageTables') + kib('KernelStack') + tcpPages * PAGE_BYTES,
  };
}

export interface Cpu {
  readonly busyS: number;
  /** Over all cores. */
  readonly totalS: number;
}

/** Of the whole machine since it was started. */
export function readCpu(): Cpu {
  const fields = /^cpu\s+(.*)$/m.exec(read('/proc/stat'))?.[1]?.split(' ').map(Number) ?? [];
  const [user = 0, nice = 0, system = 0, idle = 0, wait = 0, irq = 0, softIrq = 0, steal = 0] = fields;
  const busy = user + nice + system + irq + softIrq + steal;
  return { busyS: busy / TICKS_PER_SECOND, totalS: (busy + idle + wait) / TICKS_PER_SECOND };
}

/** CPU seconds of a process, user and system; 0 when it is gone. */
export function cpuSecondsOf(pid: number): number {
  const stat = read(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / TICKS_PER_SECOND;
}

/** Memory of a process, with each shared page counted in equal parts for all that share it. */
export function proportionalBytesOf(pid: number): number {
  return kibAfter(read(`/proc/${pid}/smaps_rollup`), 'Pss');
}

/** Bytes, of a line such as `Slab:  232784 kB`. */
function kibAfter(text: string, name: string): number {
  return (numberAfter(text, new RegExp(`^${name}:\\s+(\\d+)`, 'm')) ?? 0) * KIB;
}

function numberAfter(text: string, pattern: RegExp): number | undefined {
  const found = pattern.exec(text)?.[1];
  return found === undefined ? undefined : Number(found);
}

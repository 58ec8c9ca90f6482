/**
 * What this machine allows one process: the figures that defaults are derived from.
 */
import { readFileSync } from 'node:fs';
import { totalmem } from 'node:os';

export interface Machine {
  /** Files and sockets this process may have open at once; Infinity when nothing says so. */
  readonly descriptors: number;
  /** Memory this process may use, bytes: the machine's, or the limit of its container. */
  readonly memoryBytes: number;
}

/** What is left for each of several processes: their own descriptors, a part of the memory. */
export function shareOf(machine: Machine, processes: number): Machine {
  return { ...machine, memoryBytes: machine.memoryBytes / processes };
}

export function thisMachine(): Machine {
  const constrained = process.constrainedMemory();
  return {
    descriptors: descriptorLimit(),
    // 0 or undefined: no limit is known. Without a container it may also be astronomical, hence the smaller of the two.
    memoryBytes: constrained > 0 ? Math.min(constrained, totalmem()) : totalmem(),
  };
}

function descriptorLimit(): number {
  try {
    const soft = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
    return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft);
  } catch {
    // Not Linux: the memory alone decides.
    return Number.POSITIVE_INFINITY;
  }
}

/** Kept for listeners, Redis, files, and POSTs on their way while all streams are taken. */
const RESERVED_DESCRIPTORS = 1024;

/** Kept from clients altogether: for Redis, listeners and files, so that a process always comes back to its store. */
const OWN_DESCRIPTORS = 256;

/** As many connections of clients, streams included, as leave the process what is its own. */
export function connectionsFor({ descriptors }: Machine): number {
  const own = Math.min(OWN_DESCRIPTORS, Math.ceil(descriptors / 4));
  return Math.max(1, Math.min(descriptors - own, MAX_CONNECTIONS_LIMIT));
}

/** About 4 KiB in this process, 4 KiB of kernel buffers, and room for what a slow client has not read. */
const STREAM_BYTES = 16 * 1024;

/** As many streams as there are descriptors for, in half of the memory; the other half is for all the rest. */
export function streamsFor(machine: Machine): number {
  const byDescriptors = Math.max(machine.descriptors - RESERVED_DESCRIPTORS, Math.floor(machine.descriptors / 2));
  const byMemory = Math.floor(machine.memoryBytes / 2 / STREAM_BYTES);
  return Math.max(1, Math.min(byDescriptors, byMemory, MAX_STREAMS_LIMIT));
}

/** Every stream that is possible, and as many others. */
export const MAX_CONNECTIONS_LIMIT = 2_000_000;

/** No process has been shown to hold more. */
export const MAX_STREAMS_LIMIT = 1_000_000;

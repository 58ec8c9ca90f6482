/**
 * Who holds what: streams spread over processes, source addresses and targets, as descriptors and ports demand.
 *
 * A channel's streams, its witness and its publishers are in one process wherever they fit, so that everything about it
 * is compared there and nothing is carried between processes. A channel larger than a process is split in parts: one
 * publishes, each has a witness of its own.
 */
import { availableParallelism } from 'node:os';
import type { Limits, Ports } from '../measures/machine.ts';
import { BadUse, type LoadOptions } from './arguments.ts';

/** A channel, or the part of it that one process holds. */
export interface RoomPart {
  readonly room: number;
  /** Streams here. */
  readonly streams: number;
  /** Streams of this channel in other processes' parts before this one. */
  readonly before: number;
  /** Clients that send to the channel: as many as it has streams. */
  readonly clients: number;
  /** This part sends the changes of all of them. */
  readonly isOwner: boolean;
  readonly isSplit: boolean;
}

export interface WorkerPlan {
  readonly index: number;
  readonly streams: number;
  readonly parts: readonly RoomPart[];
  /** Number of the first stream here, counted over all processes. */
  readonly firstStream: number;
  /** Addresses to connect from; none for targets that are not on this machine. */
  readonly sources: readonly string[];
  /** Of those addresses, used one after the other: looking for a free one costs the kernel more than a connect. */
  readonly ports: Ports;
}

/** Kept in each process for POST connections, IPC, files, and sockets of reconnecting streams not yet closed. */
const RESERVED_DESCRIPTORS = 1000;
/**
 * Streams that connect from one source address: less than half of the usual 28,232 ports, so that those that come back take
 * another one, as long as the one they had may still be held by the other end.
 */
const STREAMS_PER_SOURCE = 12_000;
/** What a process has been shown to receive with time to spare, events a second. */
const EVENTS_PER_WORKER_S = 10_000;
const WORKERS_MAX = 400;
/** What a stream costs here: the tester's own end and the kernel's. */
const STREAM_BYTES = 8 * 1024;
/** What a process costs before its first stream. */
const WORKER_BYTES = 30 * 2 ** 20;

/** @throws {BadUse} when this machine's limits are too low, with the command that raises them. */
export function planWorkers(options: LoadOptions, limits: Limits, isLoopback: boolean): WorkerPlan[] {
  const { streams } = options;
  const perWorker = Math.floor(limits.descriptors - RESERVED_DESCRIPTORS);
  if (perWorker < 100 || Math.ceil(streams / perWorker) > WORKERS_MAX) {
    const needed = RESERVED_DESCRIPTORS + Math.max(1000, Math.ceil(streams / WORKERS_MAX));
    throw new BadUse(
      `--streams ${streams}: a process may open only ${limits.descriptors} files here; raise that with\n  ulimit -n ${needed}`,
    );
  }
  if (streams * 2 > limits.fileMax) {
    throw new BadUse(
      `--streams ${streams}: the machine allows only ${limits.fileMax} open files; raise that with\n  sysctl -w fs.file-max=${streams * 3}`,
    );
  }
  const ports = limits.ports.count * options.streamsTargets.length;
  if (!isLoopback && streams > ports) {
    throw new BadUse(
      `--streams ${streams}: from one address only ${ports} connections fit to ${options.streamsTargets.length} target(s); raise that with\n` +
        '  sysctl -w net.ipv4.ip_local_port_range="1024 65535"\nor give more --streams-target',
    );
  }
  const workers = Math.max(workersFor(options), Math.ceil(streams / perWorker));
  const neededBytes = streams * STREAM_BYTES + workers * WORKER_BYTES;
  if (neededBytes > limits.memoryAvailableBytes) {
    throw new BadUse(
      `--streams ${streams}: about ${gib(neededBytes)} GiB are needed for the tester alone, and ${gib(limits.memoryAvailableBytes)} GiB are free`,
    );
  }
  const shares = shareOut(options, Math.max(1, Math.min(workers, streams)), perWorker);
  let firstStream = 0;
  return shares.map((share, index) => {
    const sources = isLoopback ? sourcesFor(index, share.streams) : [];
    const plan = { index, ...share, firstStream, sources, ports: limits.ports };
    firstStream += share.streams;
    return plan;
  });
}

function workersFor({ workers, ratePerS, streams, channels }: LoadOptions): number {
  if (workers > 0) return workers;
  const eventsPerS = (ratePerS * streams) / channels;
  return Math.min(Math.ceil(eventsPerS / EVENTS_PER_WORKER_S), Math.max(1, availableParallelism() - 1));
}

type Share = Pick<WorkerPlan, 'streams'> & { readonly parts: RoomPart[] };

function shareOut(options: LoadOptions, workers: number, perWorker: number): Share[] {
  const { streams, channels } = options;
  const target = Math.ceil(streams / workers);
  const shares: { parts: RoomPart[]; streams: number }[] = [{ parts: [], streams: 0 }];
  for (let room = 0; room < channels; room++) {
    const clients = Math.floor(streams / channels) + (room < streams % channels ? 1 : 0);
    let before = 0;
    while (before < clients) {
      let share = shares.at(-1)!;
      const left = clients - before;
      const fits = share.streams + left <= perWorker && (share.streams === 0 || left <= target);
      if (share.streams >= target || (!fits && share.streams > 0 && clients <= target)) {
        share = { parts: [], streams: 0 };
        shares.push(share);
      }
      const whole = share.streams + left <= perWorker && left <= target;
      const here = whole ? left : Math.min(left, Math.max(1, target - share.streams));
      share.parts.push({ room, streams: here, before, clients, isOwner: before === 0, isSplit: here < clients });
      share.streams += here;
      before += here;
    }
  }
  return shares;
}

/** Each run begins in a network of its own: ports that the run before gave back stay taken for a minute. */
const NETWORK = 1 + (process.pid % 250);
const HOSTS = 250;

function sourcesFor(worker: number, streams: number): string[] {
  // Twice as many as fill up, so that every process' addresses are its own whatever its share is.
  const each = Math.ceil(streams / STREAMS_PER_SOURCE);
  const slots = Math.max(each, 4);
  return Array.from({ length: each }, (_, i) => {
    const slot = worker * slots + i;
    return `127.${NETWORK}.${Math.floor(slot / HOSTS)}.${2 + (slot % HOSTS)}`;
  });
}

function gib(bytes: number): string {
  return (bytes / 2 ** 30).toFixed(1);
}

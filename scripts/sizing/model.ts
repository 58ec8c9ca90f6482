/**
 * What a number of clients needs, reckoned with the figures of docs/sizing.md: of the two columns measured there the dearer one, so that
 * the result errs on the safe side. What it cannot know is what a program nobody has measured does: the CPU of the edge, TLS included.
 */
import { streamsFor } from '../../src/config/machine.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;

/** By the letters of the document: bytes, but for `c`, `h` and `m`, which are CPU seconds. */
export const figures = {
  k: 4.2 * KIB,
  g: 7.2 * KIB,
  b: 49 * MIB,
  c: 36e-6,
  h: 36e-6,
  m: 600e-6,
  r: 5.4 * KIB,
  p: 37.2 * KIB,
  e: 34,
} as const;

/** What everybody does, as in the run the figures are of. */
export const habits = { roomOf: 10, sendEveryS: 60, heartbeatS: 20, historyMaxEvents: 1024 } as const;

/** `LimitNOFILE` of the units: with it a process can hold 64,512 streams. */
const DESCRIPTORS = 65_536;
/** What of a machine is used at most when nothing happens: when everybody comes back at once there is as much again. */
const BUSY_MAX = 0.5;
/** The operating system and what is installed anyway. */
const SYSTEM_BYTES = 256 * MIB;
/** Of an edge, 85 % can be streams (proxy/README.md), and each connection takes two descriptors. */
const EDGE_STREAMS = 0.85;
/** From which number on it is not one process: gateways apart, a bucket and a merger of each two. */
const APART_FROM = 50_000;
const STORE_SIDE_PROCESSES = 4;

const machines = [
  { cores: 1, bytes: GIB },
  { cores: 1, bytes: 2 * GIB },
  { cores: 2, bytes: 4 * GIB },
  { cores: 4, bytes: 8 * GIB },
  { cores: 4, bytes: 16 * GIB },
  { cores: 8, bytes: 32 * GIB },
] as const;

export interface Sizing {
  readonly clients: number;
  /** Each per second; heartbeats at the very most. */
  readonly changes: number;
  readonly events: number;
  readonly heartbeats: number;
  /** Cores, of gateways and of the store side with Redis. */
  readonly gatewayCpu: number;
  readonly storeCpu: number;
  /** 1: all roles in one process. */
  readonly gateways: number;
  /** Of each process that holds streams: what it must be able to hold when one of several is away. */
  readonly streamsEach: number;
  /** Such that `MAX_STREAMS` is enough by itself. */
  readonly memoryMax: number;
  readonly descriptors: number;
  readonly edgeConnections: number;
  readonly edgeDescriptors: number;
  /** Bytes. */
  readonly gatewayBytes: number;
  readonly kernelBytes: number;
  readonly edgeBytes: number;
  readonly redisBytes: number;
  readonly bytes: number;
  /** All of it on one, or undefined where there is none so large. */
  readonly machine: (typeof machines)[number] | undefined;
}

export function sizingOf(clients: number): Sizing {
  const { k, g, b, c, h, m, r, p, e } = figures;
  const { roomOf, sendEveryS, heartbeatS, historyMaxEvents } = habits;
  const changes = clients / sendEveryS;
  const events = changes * roomOf;
  const heartbeats = clients / heartbeatS;
  const gatewayCpu = events * c + heartbeats * h;
  const storeCpu = changes * m;
  const isApart = clients >= APART_FROM;
  // One more than hold them all, so that one can be restarted.
  const gateways = isApart
    ? Math.ceil(clients / streamsFor({ descriptors: DESCRIPTORS, memoryBytes: 4 * GIB })) + 1
    : 1;
  const streamsEach = Math.ceil(clients / Math.max(1, gateways - 1));
  const memoryMax = smallestMemory(streamsEach);
  const processes = isApart ? gateways + STORE_SIDE_PROCESSES : 1;
  const edgeConnections = Math.ceil(clients / EDGE_STREAMS / 100) * 100;
  const gatewayBytes = processes * b + clients * g;
  // One end of each connection at the gateway, two at the edge.
  const kernelBytes = clients * 3 * k;
  const edgeBytes = clients * p;
  const redisBytes = (clients / roomOf) * (r + historyMaxEvents * e);
  const bytes = gatewayBytes + kernelBytes + edgeBytes + redisBytes;
  return {
    ...{ clients, changes, events, heartbeats, gatewayCpu, storeCpu, gateways, streamsEach, memoryMax },
    ...{ descriptors: DESCRIPTORS, edgeConnections, edgeDescriptors: edgeConnections * 2 + 1000 },
    ...{ gatewayBytes, kernelBytes, edgeBytes, redisBytes, bytes },
    machine: machines.find(
      (machine) =>
        bytes + SYSTEM_BYTES <= machine.bytes * BUSY_MAX && gatewayCpu + storeCpu <= machine.cores * BUSY_MAX,
    ),
  };
}

/** In steps of a doubling, from 512 MiB, below which V8 has little room for anything that comes all at once. */
function smallestMemory(streams: number): number {
  let bytes = 512 * MIB;
  while (streamsFor({ descriptors: DESCRIPTORS, memoryBytes: bytes }) < streams) bytes *= 2;
  return bytes;
}

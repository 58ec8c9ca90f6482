/**
 * The bound on memory that an attack may take a process to: what it had before, what it may hold for clients by its own table
 * ("What a process holds for its clients" in docs/ARCHITECTURE.md), and a quarter of both on top.
 */
import type { Config } from '../../src/config.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

/** One row each of the table: what is held, and how much of it at most. */
export const heldThings = {
  /** `RING_MAX_BYTES`: recent events, all channels together. */
  rings: ({ ringMaxBytes }: Config) => ringMaxBytes,
  /** What streams with `conflate` have not been sent yet. */
  conflation: ({ ringMaxBytes }: Config) => ringMaxBytes,
  /** Hubs that nobody reads any more. */
  hubs: () => 32 * MIB,
  /** Polls that wait, at most as many as streams. */
  polls: ({ maxStreams }: Config) => maxStreams * 16 * KIB,
  /** Streams with a portion each of what they have not taken. */
  streams: ({ maxStreams }: Config) => maxStreams * 16 * KIB,
  /** Answers that are being made or have not been taken. */
  answers: () => 128 * MIB,
  /** Changes between a POST and its 204, and those being merged. */
  batches: ({ maxChangeBytes }: Config) => 64 * MIB + 16 * maxChangeBytes,
  /** What mergers remember of states. */
  states: ({ stateMaxBytes }: Config) => 128 * MIB + 4 * stateMaxBytes,
} as const satisfies Record<string, (config: Config) => number>;

export type HeldThing = keyof typeof heldThings;

/** What the collector lets lie between two of its rounds, and the young generation, of a process that works as hard as it can. */
const COLLECTOR_BYTES = 96 * MIB;
const TOLERANCE = 1.25;

export interface Bound {
  /** What the things that are attacked may hold. */
  readonly budgetBytes: number;
  /** What the process may have at most. */
  readonly boundBytes: number;
}

export function boundOf(config: Config, things: readonly HeldThing[], storedBytes: number, beforeBytes: number): Bound {
  const budgetBytes = storedBytes + things.reduce((sum, thing) => sum + heldThings[thing](config), 0);
  return { budgetBytes, boundBytes: TOLERANCE * (beforeBytes + budgetBytes + COLLECTOR_BYTES) };
}

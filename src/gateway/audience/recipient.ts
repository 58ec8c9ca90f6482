/** What an audience and its passes need of a stream: the contract between the two rooms. */
import type { Epoch, Position } from '../../domain/position.ts';

/**
 * What an audience made of the events of one turn, encoded once for all its streams. Chunks form a list; who holds one, holds
 * all that come after it, until all streams have it.
 */
export interface Chunk {
  /** Empty once all have it. */
  bytes: Buffer;
  readonly events: number;
  /** Where a stream is that was given this chunk: one offset per channel, and the epochs that they are of. */
  readonly offsets: readonly number[];
  readonly epochs: readonly Epoch[];
  next: Chunk | null;
}

/** The positions of a stream that points at it. */
export function positionsAt({ offsets, epochs }: Chunk): Position[] {
  return offsets.map((offset, i) => ({ epoch: epochs[i]!, offset }));
}

export interface Recipient {
  /** One per channel; none while attached. */
  readonly positions: readonly Position[];
  readonly transport: { readonly isFull: boolean };
  readonly isClosed: boolean;
  /** Its audience has made more than it was given. */
  readonly isBehind: boolean;
  attach(at: Chunk): void;
  /** Goes on with positions of its own, and leaves its audience. */
  detach(): void;
  /** Takes what its audience has made since. @returns How many events it was given. */
  advance(nowMs: number): number;
  /** From its positions it is to be brought up to date and to join again. */
  catchUp(): void;
  write(bytes: Buffer | string, nowMs: number): void;
  /** It is to be ended, so that its client comes back. @param error Where it is not told already. */
  fail(error?: unknown): void;
}

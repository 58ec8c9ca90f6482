/** What a stream is given that joins an audience which holds nothing back: all between its offsets and the newest chunk. */
import { type Encodable, encodeNext } from './encoder.ts';
import type { Chunk } from './recipient.ts';

export interface Backlog {
  readonly from: string;
  readonly to: Chunk;
  readonly bytes: Buffer;
  readonly events: number;
}

/**
 * Encoded once for all who join from the same place, until something new comes.
 *
 * @param known That of the last stream to join.
 * @param to Its audience's newest chunk, made of all that its hubs have.
 */
export function backlogOf(audience: Encodable, offsets: number[], to: Chunk, known: WeakRef<Backlog> | null): Backlog {
  const from = offsets.join();
  const held = known?.deref();
  if (held?.from === from && held.to === to) return held;
  const { frames, events } = encodeNext(audience, offsets, Number.POSITIVE_INFINITY);
  return { from, to, bytes: frames.toBytes(), events };
}

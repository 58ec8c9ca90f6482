/**
 * An event: what a reducer made of a change. It has an offset and never changes again.
 */

export interface Event {
  /** Position in its channel: the event before has `offset - 1`. */
  readonly offset: number;
  /** Publisher and sequence number of the change it came from; `''` and 0 when the publisher did not say. */
  readonly from: string;
  readonly seq: number;
  /** When the change was accepted, milliseconds since 1970 by the clock of the bucket that took it: told to readers, decides nothing. */
  readonly atMs: number;
  readonly bytes: Uint8Array;
  /** The `traceparent` of the change, where it had one. */
  readonly trace?: string;
  /**
   * `atMs` + this is when it was merged, by the clock of its shard, which tells ages and no dates (engine.ts). Given by the engine;
   * missing where a version made the event that had no such clock.
   */
  readonly mergedAfterMs?: number;
}

/** What a reducer decides about an event; the merge and the engine add the rest. */
export type EventBody = Omit<Event, 'offset'>;

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Whether two events under one offset are one and the same: if not, a log has been rewritten. */
export function sameEvent(a: EventBody, b: EventBody): boolean {
  return a.seq === b.seq && a.atMs === b.atMs && a.from === b.from && sameBytes(a.bytes, b.bytes);
}

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

/** Whether two events under one offset are one and the same: if not, a log has been rewritten. Erased it is the one it was. */
export function sameEvent(a: EventBody, b: EventBody): boolean {
  if (a.atMs !== b.atMs) return false;
  return isErased(a) || isErased(b) || (a.seq === b.seq && a.from === b.from && sameBytes(a.bytes, b.bytes));
}

const NOTHING = new Uint8Array(0);

/** What is left of an event that was erased (docs/adr/0031): that it was there, and when. No change is without bytes. */
export function erasedForm({ offset, atMs, mergedAfterMs }: Event): Event {
  const left = { offset, from: '', seq: 0, atMs, bytes: NOTHING };
  return mergedAfterMs === undefined ? left : { ...left, mergedAfterMs };
}

/** Of an event, or of what follows in a log where something before it was erased. */
export function isErased({ from, bytes }: Pick<EventBody, 'from' | 'bytes'>): boolean {
  return bytes.length === 0 && from === '';
}

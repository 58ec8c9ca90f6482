/** One change in the outbox, and the promise of whoever published it. */
import type { StoredChange } from './storage.ts';

/** Of a promise: with an error it rejects. */
export type End = (error?: Error) => void;

/** A promise, and what ends it. */
export function withEnding(took: (end: End) => void): Promise<void> {
  return new Promise((resolve, reject) => took((error) => (error ? reject(error) : resolve())));
}

export interface Entry {
  /** Its `from` and `seq` are bound to its bytes once it is sent (P6); until then both may become others. */
  change: StoredChange;
  /** By a clock that does not jump. */
  readonly bornMs: number;
  readonly replace: string | undefined;
  /** Tried, by us or by whoever had it before. */
  isSent: boolean;
  /** Whether others can find it. */
  isStored: boolean;
  /** Until it is written down, or cannot be: before that it has no final seq, and is not sent. Never rejects. */
  stored: Promise<void> | undefined;
  /** Of those that were published here; of a replaced change too. */
  readonly waiting: End[];
}

/** @param isFound Whether it was written down by another page, which may have sent it. */
export function entryOf(change: StoredChange, bornMs: number, isFound: boolean, replace?: string): Entry {
  return { change, bornMs, replace, isSent: isFound, isStored: isFound, stored: undefined, waiting: [] };
}

export function settle(entry: Entry, error?: Error): void {
  for (const end of entry.waiting.splice(0)) end(error);
}

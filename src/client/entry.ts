/** One change in the outbox, and the promise of whoever published it. */
import type { StoredChange } from './storage.ts';

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
  readonly waiting: { resolve: () => void; reject: (error: Error) => void }[];
}

export function keyOf({ from, channel, seq }: StoredChange): string {
  return `${from} ${channel} ${seq}`;
}

export function settle(entry: Entry, error?: Error): void {
  for (const { resolve, reject } of entry.waiting.splice(0)) {
    if (error) reject(error);
    else resolve();
  }
}

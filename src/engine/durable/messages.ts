/** What goes between the engine and the thread that has the database. */
import type { Row, reads, Value } from './statements.ts';

export interface Opening {
  /** Of the database. */
  readonly file: string;
}

export type Order =
  /** Of `Write`s, as MessagePack: one transaction. */
  | { readonly kind: 'write'; readonly packed: Uint8Array }
  /** `settles`: with all that is in the log, or all pieces of this channel. */
  | {
      readonly kind: 'read';
      readonly name: keyof typeof reads;
      readonly values: readonly Value[];
      readonly settles?: number | 'all';
    }
  /** What was deleted or written over is to be in no file any more. */
  | { readonly kind: 'scrub' }
  | { readonly kind: 'close' };

export interface Failure {
  /** SQLite's: `SQLITE_FULL`. */
  readonly code: string;
  readonly message: string;
}

/** One for each order, in the order in which they came; before them one that says whether it could be opened. */
export type Answer =
  | { readonly ok: true; readonly rows: readonly Row[] }
  | { readonly ok: false; readonly failure: Failure };

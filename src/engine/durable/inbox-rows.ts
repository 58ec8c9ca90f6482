/** The rows of an inbox: each has the changes of one append, and goes when the last of them is merged. */
import { Packr, Unpackr } from 'msgpackr';
import { leanBytes } from '../../domain/bytes.ts';
import type { Change } from '../../domain/change.ts';

const packr = new Packr({ useRecords: false });
const unpackr = new Unpackr({ useRecords: false, copyBuffers: true });

interface InboxRow {
  readonly id: number;
  readonly changes: number;
}

/** In the place of a change that is merged already. */
const MERGED: Change = { channel: '', from: '', seq: 0, acceptedMs: 0, bytes: new Uint8Array(0) };

export interface Taking {
  /** Rows of which nothing is left. */
  readonly gone: readonly number[];
  /** Changes of the oldest row left that are merged. */
  readonly taken: number;
}

export class InboxRows {
  /** The oldest first. */
  readonly #rows: InboxRow[] = [];
  #taken: number;

  /** @param taken Of the oldest row that is to be added. */
  constructor(taken = 0) {
    this.#taken = taken;
  }

  get isEmpty(): boolean {
    return this.#rows.length === 0;
  }

  get taken(): number {
    return this.#taken;
  }

  /**
   * Row by row, what is in each.
   *
   * @param waiting All that are not merged, in their order. @returns Of those that are, something in their place.
   */
  *apart(waiting: readonly Change[]): Iterable<{ id: number; merged: Change[]; own: readonly Change[] }> {
    let at = 0;
    let taken = this.#taken;
    for (const { id, changes } of this.#rows) {
      const own = waiting.slice(at, at + changes - taken);
      yield { id, merged: Array.from({ length: taken }, () => MERGED), own };
      at += own.length;
      taken = 0;
    }
  }

  add(id: number, changes: number): void {
    this.#rows.push({ id, changes });
  }

  /** What it is when so many more changes are merged. */
  taking(changes: number): Taking {
    const gone: number[] = [];
    let taken = this.#taken + changes;
    for (const row of this.#rows) {
      if (taken < row.changes) break;
      taken -= row.changes;
      gone.push(row.id);
    }
    return { gone, taken };
  }

  take({ gone, taken }: Taking): void {
    this.#rows.splice(0, gone.length);
    this.#taken = taken;
  }
}

type Stored = [channel: string, from: string, seq: number, acceptedMs: number, bytes: Uint8Array, trace?: string];

export function packChanges(changes: readonly Change[]): Uint8Array {
  return packr.pack(
    changes.map(({ channel, from, seq, acceptedMs, bytes, trace }): Stored => {
      const parts: Stored = [channel, from, seq, acceptedMs, bytes];
      if (trace !== undefined) parts.push(trace);
      return parts;
    }),
  );
}

export function changesIn(packed: Uint8Array): Change[] {
  return (unpackr.unpack(packed) as Stored[]).map(([channel, from, seq, acceptedMs, bytes, trace]) => {
    const change = { channel, from, seq, acceptedMs, bytes: leanBytes(bytes) };
    return trace === undefined ? change : { ...change, trace };
  });
}

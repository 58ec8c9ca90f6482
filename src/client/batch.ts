/**
 * Which changes go in one request (P41): the first of a channel, and those behind it that its publisher sends next, as far as they are text,
 * for who needs no type needs no preflight either.
 */
import { bytesOf } from './bytes.ts';
import type { Entry } from './entry.ts';

/** As `$sync` tells them. */
export interface BatchLimits {
  readonly maxBatchChanges?: number;
  readonly maxBatchBytes?: number;
}

export interface Batch {
  readonly entries: readonly Entry[];
  readonly body: Uint8Array;
}

/** A page that closes may send 64 KiB. */
const BYTES_MAX = 60_000;

const decoder = new TextDecoder(undefined, { fatal: true, ignoreBOM: true });

/** @param queue Of one channel, one at least. */
export function batchOf(queue: readonly Entry[], { maxBatchChanges, maxBatchBytes = 0 }: BatchLimits): Batch {
  const { change: first } = queue[0]!;
  const entries: Entry[] = [];
  let body = first.bytes;
  let text = '';
  try {
    for (const entry of queue.slice(0, maxBatchChanges)) {
      const { from, seq, bytes } = entry.change;
      text += `${JSON.stringify(decoder.decode(bytes))}\n`;
      const all = bytesOf(text);
      const isNext = !entry.stored && from === first.from && seq === first.seq + entries.length;
      if (!isNext || all.length > Math.min(maxBatchBytes, BYTES_MAX)) break;
      if (entries.push(entry) > 1) body = all;
    }
  } catch {
    // Other bytes go alone.
  }
  return { entries: entries[0] ? entries : queue.slice(0, 1), body };
}

/** What of an inbox this version can fold: everything up to the first entry of a newer one. */
import type { InboxEntry } from '../engine/engine.ts';

export type ReadableEntry = Exclude<InboxEntry, { kind: 'newer' }>;

export function readableOf(entries: readonly InboxEntry[]): readonly ReadableEntry[] {
  const first = entries.findIndex(({ kind }) => kind === 'newer');
  return (first === -1 ? entries : entries.slice(0, first)) as readonly ReadableEntry[];
}

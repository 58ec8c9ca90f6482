/**
 * Where a repeat is recognized: which of two cursors is later.
 *
 * A cursor is `<prefix>.<number>`, the number in base 36, one for each channel in the order of the URL, joined by `~`; only those of
 * one prefix can be compared (P39, P40). What cannot be compared is never taken for a repeat: it is delivered.
 */

/** The cursors of each channel. */
export const partsOf = (cursor: string): string[] => cursor.split('~');

/** Whether who is at `seen` has the event that has the cursor `id`, of one channel both. */
export function isRepeat(id: string, seen = ''): boolean {
  const [prefix, number] = id.split('.');
  const [its, last] = seen.split('.');
  return prefix === its && Number.parseInt(number!, 36) <= Number.parseInt(last!, 36);
}

/**
 * Where an answer with events begins: the offset of the newest event that was there already. What comes up to it had come before,
 * what comes after it is new. The client library does not tell it, so it is read here, off the first bytes.
 */

/** Enough for the first frame. */
export const BEGINNING_BYTES = 4_096;

/** @param text The begin of a stream (P11) or of a poll (P18). @returns Undefined where it is not there yet. */
export function headOf(text: string): number | undefined {
  if (text.startsWith('{')) {
    const [, number] = /^\{"cursor":"[^"]*?\.([0-9a-z]+)"/.exec(text) ?? [];
    return number === undefined ? undefined : Number.parseInt(number, 36);
  }
  const [, head] = /"head":(\d+)/.exec(text) ?? [];
  return head === undefined ? undefined : Number(head);
}

/** The offset of an event, from its cursor (P39). */
export function offsetOf(id: string): number {
  return Number.parseInt(id.slice(id.lastIndexOf('.') + 1), 36);
}

/**
 * A change: what a publisher submits. It has no order yet; the merge gives it one.
 */
import type { Channel } from './channel.ts';

export interface Change {
  readonly channel: Channel;
  /** `<name>.<nonce>` of the publisher, or `''` when it did not say. */
  readonly from: string;
  /** 1, 2, 3 … per (from, channel); 0 when the publisher did not say. Never > 0 with an empty `from`. */
  readonly seq: number;
  /** When a bucket accepted it, milliseconds since 1970 by that bucket's clock. Told to readers, decides nothing. */
  readonly acceptedMs: number;
  /** The change itself, 1 to `MAX_CHANGE_BYTES` bytes, any values. */
  readonly bytes: Uint8Array;
  /** The `traceparent` it came with (domain/trace.ts). */
  readonly trace?: string;
}

/** Exactly one dot between a lasting name and a nonce that is new at every start of the client (P4, P6). */
export const FROM_PATTERN = '^[A-Za-z0-9_-]{1,40}\\.[A-Za-z0-9_-]{1,40}$';

const fromPattern = new RegExp(FROM_PATTERN);

export function isFrom(text: string): boolean {
  return fromPattern.test(text);
}

/** The lasting half of a `from`: `alice` of `alice.k3f9`; `-` when there is none. */
export function nameOf(from: string): string {
  return from === '' ? '-' : from.slice(0, from.indexOf('.'));
}

const seqPattern = /^[1-9][0-9]{0,15}$/;

/** 1 ≤ seq < 2⁵³ in plain decimal digits, else undefined. */
export function parseSeq(text: string): number | undefined {
  if (!seqPattern.test(text)) return undefined;
  const seq = Number(text);
  return Number.isSafeInteger(seq) ? seq : undefined;
}

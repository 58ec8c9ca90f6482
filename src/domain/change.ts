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

const namePattern = /^[A-Za-z0-9_-]{1,40}$/;

/** Whether it can be the lasting half of a `from`. */
export function isName(text: string): boolean {
  return namePattern.test(text);
}

/** Whether it is a publisher of that name, whatever its nonce. */
export function isOf(name: string, from: string): boolean {
  return from.startsWith(`${name}.`);
}

/** What is left of a change that was erased before it was merged: that its `seq` was used. */
export function erasedChange({ channel, from, seq, acceptedMs }: Change): Change {
  return { channel, from: seq > 0 ? from : '', seq, acceptedMs, bytes: new Uint8Array(0) };
}

const seqPattern = /^[1-9][0-9]{0,15}$/;

/** 1 ≤ seq < 2⁵³ in plain decimal digits, else undefined. */
export function parseSeq(text: string): number | undefined {
  if (!seqPattern.test(text)) return undefined;
  const seq = Number(text);
  return Number.isSafeInteger(seq) ? seq : undefined;
}

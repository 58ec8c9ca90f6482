/**
 * Writes events as they are stored and published: `[from, seq, atMs, bytes, trace, mergedAfterMs]`, the trace empty where there
 * is none. Versions that gave no time of merging left it out, and an empty trace as well.
 *
 * What makes an event that one, and no other under its offset, comes first and has one encoding, for ever: it is compared byte by
 * byte with what others have stored (renew). The bytes are those of msgpackr.
 */
import type { EventBody } from '../../../domain/event.ts';
import { asciiSize, bytesSize, FIXARRAY, numberSize, writeAscii, writeBinary, writeNumber } from './pack.ts';

export function encodeEvent(event: EventBody): Buffer {
  const target = Buffer.allocUnsafe(eventSize(event));
  writeEvent(target, 0, event);
  return target;
}

/** What `sameEvent` compares, as it is stored behind the head of the array. */
export function encodeIdentity({ from, seq, atMs, bytes }: EventBody): Buffer {
  return encodeEvent({ from, seq, atMs, bytes }).subarray(1);
}

/** @param mergedAfterMs Where the event does not have it yet. */
export function eventSize(event: EventBody, mergedAfterMs = event.mergedAfterMs): number {
  const { from, seq, atMs, bytes, trace } = event;
  const size = 1 + asciiSize(from) + numberSize(seq) + numberSize(atMs) + bytesSize(bytes.length);
  if (mergedAfterMs !== undefined) return size + asciiSize(trace ?? '') + numberSize(mergedAfterMs);
  return trace === undefined ? size : size + asciiSize(trace);
}

/** @returns Where it ended. */
export function writeEvent(
  target: Buffer,
  start: number,
  event: EventBody,
  mergedAfterMs = event.mergedAfterMs,
): number {
  const { from, seq, atMs, bytes, trace } = event;
  target[start] = FIXARRAY | (mergedAfterMs !== undefined ? 6 : trace === undefined ? 4 : 5);
  let at = writeAscii(target, start + 1, from);
  at = writeNumber(target, at, seq);
  at = writeNumber(target, at, atMs);
  at = writeBinary(target, at, bytes);
  if (mergedAfterMs !== undefined) return writeNumber(target, writeAscii(target, at, trace ?? ''), mergedAfterMs);
  return trace === undefined ? at : writeAscii(target, at, trace);
}

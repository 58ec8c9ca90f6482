/**
 * Writes events as they are stored and published: `[from, seq, atMs, bytes]`, with the trace behind where there is one.
 *
 * One event has one encoding, for ever: it is compared byte by byte with what others have stored (renew). The bytes are
 * those of msgpackr.
 */
import type { EventBody } from '../../../domain/event.ts';
import { asciiSize, bytesSize, FIXARRAY, numberSize, writeAscii, writeBinary, writeNumber } from './pack.ts';

export function encodeEvent(event: EventBody): Buffer {
  const target = Buffer.allocUnsafe(eventSize(event));
  writeEvent(target, 0, event);
  return target;
}

export function eventSize({ from, seq, atMs, bytes, trace }: EventBody): number {
  const last = trace === undefined ? 0 : asciiSize(trace);
  return 1 + asciiSize(from) + numberSize(seq) + numberSize(atMs) + bytesSize(bytes.length) + last;
}

/** @returns Where it ended. */
export function writeEvent(target: Buffer, start: number, { from, seq, atMs, bytes, trace }: EventBody): number {
  target[start] = FIXARRAY | (trace === undefined ? 4 : 5);
  let at = writeAscii(target, start + 1, from);
  at = writeNumber(target, at, seq);
  at = writeNumber(target, at, atMs);
  at = writeBinary(target, at, bytes);
  return trace === undefined ? at : writeAscii(target, at, trace);
}

/**
 * Bytes in Redis <-> the domain's words. All of it is MessagePack, so that any language can read it.
 *
 * What is decoded has its bytes for itself (`domain/bytes.ts`), and does not keep the reply alive that it arrived in. What is
 * written often is written by hand: `entry-writer.ts`, `commit-writer.ts`.
 */
import { Packr, Unpackr } from 'msgpackr';
import { copyOf, leanBytes } from '../../../domain/bytes.ts';
import { isFrom } from '../../../domain/change.ts';
import { isChannel } from '../../../domain/channel.ts';
import type { Event } from '../../../domain/event.ts';
import type { Epoch } from '../../../domain/position.ts';
import type { StateField } from '../../../domain/state.ts';
import type { InboxEntry } from '../../engine.ts';
import { ENTRY_FORMAT } from './entry-writer.ts';

const packr = new Packr({ useRecords: false });
const unpackr = new Unpackr({ useRecords: false, copyBuffers: true });

/** @param belongsHere Whether a channel lives on the shard whose inbox this was found in. */
export function decodeEntry(raw: Buffer, belongsHere: (channel: string) => boolean): InboxEntry {
  const parts = unpacked(raw);
  if (Array.isArray(parts) && parts[0] === ENTRY_FORMAT) {
    const [, channel, from, seq, acceptedMs, bytes, trace] = parts as unknown[];
    if (
      typeof channel === 'string' &&
      isChannel(channel) &&
      belongsHere(channel) &&
      typeof from === 'string' &&
      (from === '' || isFrom(from)) &&
      isCount(seq) &&
      typeof acceptedMs === 'number' &&
      bytes instanceof Uint8Array
    ) {
      const change = { channel, from, seq, acceptedMs, bytes: leanBytes(bytes) };
      return { kind: 'change', change: typeof trace === 'string' ? { ...change, trace } : change };
    }
  }
  const format: unknown = Array.isArray(parts) ? parts[0] : undefined;
  if (isCount(format) && format > ENTRY_FORMAT) return { kind: 'newer', format };
  return { kind: 'unreadable', raw: copyOf(raw) };
}

export interface RawWake {
  readonly epoch: Epoch;
  readonly rev: number;
  readonly raws: readonly Buffer[];
}

/** What `lua/release.lua` says. A version that does not know it finds a wake that tells nothing. */
export function isFreed(payload: Buffer): boolean {
  return payload.length === 1;
}

/** What `lua/append.lua` says of an inbox that was empty; undefined when it says nothing. */
export function decodeWake(payload: Buffer): RawWake | undefined {
  if (payload.length === 0) return undefined;
  const headEnd = payload.indexOf('\n');
  const [epoch, rev] = payload.toString('latin1', 0, headEnd).split(' ');
  const raws: Buffer[] = [];
  for (let at = headEnd + 1; at < payload.length; ) {
    const start = at + 4;
    at = start + payload.readUInt32BE(at);
    raws.push(payload.subarray(start, at));
  }
  return { epoch: epoch!, rev: Number(rev), raws };
}

export function decodeEvent(raw: Buffer, offset: number): Event {
  return eventFrom(unpackr.unpack(raw), offset);
}

export function decodeBatch(raw: Buffer): { epoch: Epoch; events: Event[] } {
  const [epoch, firstOffset, ...events] = unpackr.unpack(raw) as [Epoch, number, ...unknown[]];
  return { epoch, events: events.map((event, i) => eventFrom(event, firstOffset + i)) };
}

export function encodeField(field: StateField): Buffer {
  return packr.pack([field.offset, field.bytes]);
}

export function decodeField(raw: Buffer): StateField {
  const [offset, bytes] = unpackr.unpack(raw) as [number, Uint8Array | null];
  return { offset, bytes: bytes && leanBytes(bytes) };
}

/** What a script unpacks. */
export function packed(values: readonly (string | number)[]): Buffer {
  return packr.pack(values);
}

/** Throws for what no version that we know has written: an event is never guessed. */
function eventFrom(parts: unknown, offset: number): Event {
  if (!isEvent(parts))
    throw new TypeError(`what is stored under offset ${offset} is not an event of a format that is known here`);
  const [from, seq, atMs, bytes, trace = '', mergedAfterMs] = parts as [
    ...[string, number, number, Uint8Array],
    ...[string?, number?],
  ];
  const event =
    mergedAfterMs === undefined
      ? { offset, from, seq, atMs, bytes: leanBytes(bytes) }
      : { offset, from, seq, atMs, bytes: leanBytes(bytes), mergedAfterMs };
  return trace === '' ? event : { ...event, trace };
}

function isEvent(parts: unknown): boolean {
  if (!Array.isArray(parts)) return false;
  const [from, seq, atMs, bytes] = parts as unknown[];
  return typeof from === 'string' && typeof seq === 'number' && typeof atMs === 'number' && bytes instanceof Uint8Array;
}

function unpacked(raw: Buffer): unknown {
  try {
    return unpackr.unpack(raw);
  } catch {
    return undefined;
  }
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

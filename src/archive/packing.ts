/**
 * Events as the archive stores them: several in one piece, as MessagePack, so that any language can read it:
 * `[format, [from, seq, atMs, bytes, trace, mergedAfterMs], …]`, the trace empty where there is none, the last null where nobody noted
 * it. Their offsets are beside the piece: they are contiguous.
 */
import { Packr, Unpackr } from 'msgpackr';
import { leanBytes } from '../domain/bytes.ts';
import type { Event } from '../domain/event.ts';

const FORMAT = 1;

/** A piece has so many events at most, or about so many bytes: what one who wants a single event reads in vain. */
const PIECE_EVENTS = 512;
const PIECE_BYTES = 64 << 10;

const packr = new Packr({ useRecords: false });
const unpackr = new Unpackr({ useRecords: false, copyBuffers: true });

type Stored = [from: string, seq: number, atMs: number, bytes: Uint8Array, trace: string, mergedAfterMs: number | null];

export interface Piece {
  readonly first: number;
  readonly last: number;
  readonly bytes: Buffer;
}

/** @param events Contiguous. */
export function piecesOf(events: readonly Event[]): Piece[] {
  const pieces: Piece[] = [];
  for (let from = 0; from < events.length; ) {
    let to = from;
    for (let bytes = 0; to < events.length && to - from < PIECE_EVENTS && bytes < PIECE_BYTES; to++) {
      bytes += events[to]!.bytes.length;
    }
    const inside = events.slice(from, to);
    pieces.push({ first: inside[0]!.offset, last: inside.at(-1)!.offset, bytes: pack(inside) });
    from = to;
  }
  return pieces;
}

/** Throws for what no version that we know has written. */
export function eventsIn(bytes: Buffer, first: number): Event[] {
  const [format, ...stored] = unpackr.unpack(bytes) as [number, ...Stored[]];
  if (format !== FORMAT) throw new TypeError(`events are archived in format ${format}, which is not known here`);
  return stored.map(([from, seq, atMs, content, trace, mergedAfterMs], i) => {
    const event: Event = { offset: first + i, from, seq, atMs, bytes: leanBytes(content) };
    return {
      ...event,
      ...(trace === '' ? {} : { trace }),
      ...(mergedAfterMs === null ? {} : { mergedAfterMs }),
    };
  });
}

/** The events after an offset: so many, and none behind the one that exceeds so many bytes; at least one. */
export function eventsAfter(
  pieces: Iterable<Pick<Piece, 'first' | 'bytes'>>,
  after: number,
  limit: number,
  maxBytes: number,
): Event[] {
  const events: Event[] = [];
  let bytes = 0;
  for (const piece of pieces) {
    for (const event of eventsIn(piece.bytes, piece.first)) {
      if (event.offset <= after) continue;
      if (events.length >= limit || bytes > maxBytes) return events;
      events.push(event);
      bytes += event.bytes.length;
    }
  }
  return events;
}

function pack(events: readonly Event[]): Buffer {
  return packr.pack([
    FORMAT,
    ...events.map(
      ({ from, seq, atMs, bytes, trace = '', mergedAfterMs = null }): Stored => [
        from,
        seq,
        atMs,
        bytes,
        trace,
        mergedAfterMs,
      ],
    ),
  ]);
}

/**
 * Reads the answers of many streams: the head, chunked coding if there is one, and Server-Sent Events (WHATWG HTML §9.2).
 *
 * Invariant: between two reads a stream keeps a byte of state and what is left of a frame cut in two; a stream that is
 * idle keeps nothing more. Frames are handed on as places in the read buffer, valid only during the call.
 */

/** One event, as places in `bytes`. */
export interface Frame {
  bytes: Buffer;
  /** Both 0 without an id. */
  idFrom: number;
  idTo: number;
  dataFrom: number;
  dataTo: number;
  /** '' for a message. */
  event: string;
  /** Milliseconds; -1 without one. */
  retryMs: number;
}

export interface Head {
  readonly status: number;
  readonly contentType: string;
  readonly retryAfter: string | null;
}

export interface FrameSink {
  /** @returns Whether the stream goes on. */
  head(row: number, head: Head): boolean;
  frame(row: number, frame: Frame): void;
  heartbeat(row: number): void;
  malformed(row: number, why: string): void;
  /** The last chunk has come: the stream is over, though a proxy may keep its connection for another request. */
  over(row: number): void;
}

const HEAD = 0;
const PLAIN = 1;
const CHUNK_SIZE = 2;
const CHUNK_DATA = 3;
const ENDED = 4;

const HEAD_MAX_BYTES = 16 * 1024;
/** A change has at most a mebibyte, a snapshot 16 KiB: more without an end is no frame. */
const FRAME_MAX_BYTES = 4 * 1024 * 1024;
const END_OF_HEAD = Buffer.from('\r\n\r\n');
const LF = 10;
const CR = 13;
const COLON = 58;
const SPACE = 32;
const LETTER_D = 100;
const LETTER_I = 105;

export class Parser {
  readonly #sink: FrameSink;
  readonly #phase: Uint8Array;
  /** Of chunked streams, the bytes that are left of the chunk with its CRLF. */
  readonly #chunkLeft = new Map<number, number>();
  /** What is left before and after chunked coding is taken away; only of rows that have something. */
  readonly #rawRest = new Map<number, Buffer>();
  readonly #frameRest = new Map<number, Buffer>();
  readonly #frame: Frame;

  constructor(rows: number, sink: FrameSink) {
    this.#sink = sink;
    this.#phase = new Uint8Array(rows);
    this.#frame = { bytes: END_OF_HEAD, idFrom: 0, idTo: 0, dataFrom: 0, dataTo: 0, event: '', retryMs: -1 };
  }

  /** A new connection begins. */
  reset(row: number): void {
    this.#phase[row] = HEAD;
    this.#chunkLeft.delete(row);
    this.#rawRest.delete(row);
    this.#frameRest.delete(row);
  }

  /** `buffer` is used again by the caller: only its first `length` bytes, and only now. */
  feed(row: number, buffer: Buffer, length: number): void {
    if (this.#phase[row] === PLAIN) {
      this.#frames(row, buffer, 0, length);
      return;
    }
    let bytes = buffer;
    let end = length;
    const rest = this.#rawRest.get(row);
    if (rest !== undefined) {
      bytes = Buffer.concat([rest, buffer.subarray(0, length)]);
      end = bytes.length;
      this.#rawRest.delete(row);
    }
    let at = 0;
    if (this.#phase[row] === HEAD) {
      at = this.#head(row, bytes, end);
      if (at < 0) return;
    }
    if (this.#phase[row] === PLAIN) this.#frames(row, bytes, at, end);
    else this.#chunks(row, bytes, at, end);
  }

  /** @returns Where the body begins; -1 when there is none yet, or never. */
  #head(row: number, bytes: Buffer, end: number): number {
    const headEnd = bytes.subarray(0, end).indexOf(END_OF_HEAD);
    if (headEnd < 0) {
      if (end > HEAD_MAX_BYTES) this.#malformed(row, 'a head without an end');
      else this.#keep(this.#rawRest, row, bytes, 0, end);
      return -1;
    }
    const text = bytes.toString('latin1', 0, headEnd);
    const status = /^HTTP\/1\.[01] (\d{3})/.exec(text)?.[1];
    if (status === undefined) {
      this.#malformed(row, 'an answer that is not HTTP/1.1');
      return -1;
    }
    const header = (name: string) => new RegExp(`\\r\\n${name}:[ \\t]*([^\\r]*)`, 'i').exec(text)?.[1] ?? null;
    const goesOn = this.#sink.head(row, {
      status: Number(status),
      contentType: header('content-type') ?? '',
      retryAfter: header('retry-after'),
    });
    this.#phase[row] = goesOn ? (/chunked/i.test(header('transfer-encoding') ?? '') ? CHUNK_SIZE : PLAIN) : ENDED;
    return goesOn ? headEnd + END_OF_HEAD.length : -1;
  }

  #chunks(row: number, bytes: Buffer, from: number, end: number): void {
    let at = from;
    while (at < end && this.#phase[row] !== ENDED) {
      if (this.#phase[row] === CHUNK_SIZE) {
        const lineEnd = bytes.indexOf(LF, at);
        if (lineEnd < 0 || lineEnd >= end) {
          this.#keep(this.#rawRest, row, bytes, at, end);
          return;
        }
        const size = Number.parseInt(bytes.toString('latin1', at, lineEnd), 16);
        at = lineEnd + 1;
        if (Number.isNaN(size)) {
          this.#malformed(row, 'a chunk without a size');
          return;
        }
        this.#phase[row] = size === 0 ? ENDED : CHUNK_DATA;
        this.#chunkLeft.set(row, size + 2);
        if (size === 0) this.#sink.over(row);
      } else {
        const left = this.#chunkLeft.get(row)!;
        // The last two are the chunk's CRLF.
        const data = Math.max(0, Math.min(left - 2, end - at));
        if (data > 0) this.#frames(row, bytes, at, at + data);
        const taken = Math.min(left, end - at);
        at += taken;
        this.#chunkLeft.set(row, left - taken);
        if (left === taken) this.#phase[row] = CHUNK_SIZE;
      }
    }
  }

  #frames(row: number, buffer: Buffer, from: number, to: number): void {
    let bytes = buffer;
    let at = from;
    let end = to;
    if (this.#frameRest.size > 0) {
      const rest = this.#frameRest.get(row);
      if (rest !== undefined) {
        bytes = Buffer.concat([rest, buffer.subarray(from, to)]);
        at = 0;
        end = bytes.length;
        this.#frameRest.delete(row);
      }
    }
    let frameFrom = at;
    const frame = this.#frame;
    let isEmpty = true;
    begin(frame, bytes);
    while (at < end) {
      const lineEnd = bytes.indexOf(LF, at);
      if (lineEnd < 0 || lineEnd >= end) break;
      const textEnd = lineEnd > at && bytes[lineEnd - 1] === CR ? lineEnd - 1 : lineEnd;
      if (textEnd > at) {
        if (bytes[at] === COLON) {
          this.#sink.heartbeat(row);
          // Between frames nothing of it is kept for the next one.
          if (isEmpty) frameFrom = lineEnd + 1;
        } else {
          readLine(frame, bytes, at, textEnd);
          isEmpty = false;
        }
      } else {
        if (!isEmpty) {
          this.#sink.frame(row, frame);
          begin(frame, bytes);
          isEmpty = true;
        }
        frameFrom = lineEnd + 1;
      }
      at = lineEnd + 1;
    }
    if (frameFrom < end) {
      if (end - frameFrom > FRAME_MAX_BYTES) this.#malformed(row, 'a frame without an end');
      else this.#keep(this.#frameRest, row, bytes, frameFrom, end);
    }
  }

  #keep(rests: Map<number, Buffer>, row: number, bytes: Buffer, from: number, to: number): void {
    rests.set(row, Buffer.from(bytes.subarray(from, to)));
  }

  #malformed(row: number, why: string): void {
    this.#phase[row] = ENDED;
    this.#sink.malformed(row, why);
  }
}

function begin(frame: Frame, bytes: Buffer): void {
  frame.bytes = bytes;
  frame.idFrom = 0;
  frame.idTo = 0;
  frame.dataFrom = 0;
  frame.dataTo = 0;
  frame.event = '';
  frame.retryMs = -1;
}

function readLine(frame: Frame, bytes: Buffer, from: number, to: number): void {
  let colon = from;
  while (colon < to && bytes[colon] !== COLON) colon++;
  let value = Math.min(to, colon + 1);
  if (value < to && bytes[value] === SPACE) value++;
  const first = bytes[from];
  if (first === LETTER_I && colon - from === 2) {
    frame.idFrom = value;
    frame.idTo = to;
  } else if (first === LETTER_D && colon - from === 4) {
    // Payloads of this tool have no line ends; of a control frame in several lines the first says what it is.
    if (frame.dataTo === 0) {
      frame.dataFrom = value;
      frame.dataTo = to;
    }
  } else {
    const name = bytes.toString('latin1', from, colon);
    if (name === 'event') frame.event = bytes.toString('latin1', value, to);
    else if (name === 'retry') frame.retryMs = Number.parseInt(bytes.toString('latin1', value, to), 10) || 0;
  }
}

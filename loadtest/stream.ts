/**
 * The streams of a process: a bare socket each, opened at a pace, read into one buffer that all share.
 *
 * Invariant: an idle stream owns its socket and one row of a few bytes in arrays; no closure, no timer, no buffer and no
 * text. All sockets have the same listeners, which find the row by a property of the socket.
 */
import { connect, type Socket } from 'node:net';
import { Due } from './due.ts';
import { type Ledger, nowMs } from './ledger.ts';
import type { Address, Work } from './messages.ts';
import { type Frame, type FrameSink, type Head, Parser } from './parser.ts';
import { hashOfBytes, type Random } from './random.ts';

const rowOf = Symbol('row');
type Row = Socket & { [rowOf]: number };

/** As much as one read of the kernel's gives. */
const BUFFER_BYTES = 64 * 1024;
/** A stream that has no first frame after this is tried again. */
const OPEN_TIMEOUT_MS = 30_000;
/** After a failure, at random up to this: what a client does that was told nothing. */
const RETRY_MS = 2000;
/** A stream that was cut on purpose is away for a random time up to this: a phone between two networks. */
const AWAY_MS = 1000;

const IS_OPEN = 1;
const WAS_OPEN = 2;
const IS_CUT = 4;
const IS_ANNOUNCED = 8;
const HAS_FAILED = 16;
const PORT_IS_TAKEN = 32;

const DOT = 46;
const NO_FRAME = 'the connection ended before the first frame';

export interface StreamsDeps {
  readonly work: Work;
  readonly ledger: Ledger;
  readonly random: Random;
}

export class Streams implements FrameSink {
  readonly #work: Work;
  readonly #ledger: Ledger;
  readonly #random: Random;
  readonly #parser: Parser;
  readonly #sockets: (Row | null)[];
  readonly #flags: Uint8Array;
  readonly #retryMs: Uint32Array;
  readonly #openingSince = new Map<number, number>();
  readonly #later: Due<number>;
  /** The first tries go row by row, so there is no list of them. */
  #nextRow = 0;
  #ready: number[] = [];
  #pace: { readonly sinceMs: number; started: number } | null = null;
  #isLoaded = false;
  #isClosing = false;
  /** Of each source, the port that is used next. */
  readonly #ports: number[];
  lastFailure: string | null = null;
  onAllOpen: (() => void) | null = null;
  readonly #read: (this: Row, length: number, buffer: Buffer) => boolean;
  readonly #connected: (this: Row) => void;
  readonly #failed: (this: Row, error: Error) => void;
  readonly #closed: (this: Row) => void;
  readonly #buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);

  constructor({ work, ledger, random }: StreamsDeps) {
    this.#work = work;
    this.#ledger = ledger;
    this.#random = random;
    this.#parser = new Parser(ledger.rows, this);
    this.#sockets = new Array<Row | null>(ledger.rows).fill(null);
    this.#flags = new Uint8Array(ledger.rows);
    this.#retryMs = new Uint32Array(ledger.rows).fill(RETRY_MS);
    this.#later = new Due(work.tickMs, nowMs());
    this.#ports = work.plan.sources.map(() => random.int(work.plan.ports.count));
    const streams = this;
    this.#read = function (this: Row, length, buffer) {
      if (streams.#sockets[this[rowOf]] === this) streams.#parser.feed(this[rowOf], buffer, length);
      return true;
    };
    this.#connected = function (this: Row) {
      this.write(streams.#request(this[rowOf]));
    };
    this.#failed = function (this: Row, error: NodeJS.ErrnoException) {
      if (error.code === 'EADDRINUSE' && streams.#sockets[this[rowOf]] === this)
        streams.#set(this[rowOf], PORT_IS_TAKEN);
      streams.lastFailure = error.message;
    };
    this.#closed = function (this: Row) {
      const row = this[rowOf];
      if (streams.#sockets[row] === this) streams.#ended(row);
    };
  }

  /** From now on streams are opened, at the pace that was asked for. */
  start(): void {
    this.#pace = { sinceMs: nowMs(), started: 0 };
    this.tick();
  }

  /** From now on a stream that ends is an offence. */
  loaded(): void {
    this.#isLoaded = true;
  }

  tick(): void {
    const now = nowMs();
    this.#ready.push(...this.#later.take(now));
    for (const [row, sinceMs] of this.#openingSince) {
      // Rows are in the order in which they were begun.
      if (now - sinceMs < OPEN_TIMEOUT_MS) break;
      this.lastFailure = `no first frame within ${OPEN_TIMEOUT_MS / 1000} s`;
      this.#sockets[row]!.destroy();
      this.#ended(row);
    }
    this.#openSome(now);
  }

  /** Cuts an open stream, chosen at random; it comes back by itself. */
  cutOne(): void {
    const row = this.#random.int(this.#ledger.rows);
    if (!this.#is(row, IS_OPEN) || this.#is(row, IS_CUT)) return;
    this.#set(row, IS_CUT);
    this.#ledger.counts.cut++;
    // A reset leaves no port waiting for a minute.
    this.#sockets[row]!.resetAndDestroy();
  }

  close(): void {
    this.#isClosing = true;
    for (const socket of this.#sockets) socket?.resetAndDestroy();
  }

  // FrameSink

  head(row: number, { status, contentType, retryAfter }: Head): boolean {
    if (status === 200 && /^text\/event-stream\b/i.test(contentType)) return true;
    this.lastFailure = `answered ${status} ${contentType}`;
    if (retryAfter !== null && Number(retryAfter) > 0) this.#retryMs[row] = Number(retryAfter) * 1000;
    this.#sockets[row]!.destroy();
    return false;
  }

  frame(row: number, frame: Frame): void {
    if (frame.retryMs > 0) this.#retryMs[row] = frame.retryMs;
    const { bytes, idFrom, idTo, dataFrom, dataTo } = frame;
    if (frame.event !== '') {
      this.#control(row, frame);
      return;
    }
    if (!this.#is(row, IS_OPEN)) {
      if (this.#is(row, HAS_FAILED)) return;
      this.#set(row, HAS_FAILED);
      this.#ledger.malformed(row, 'an event before the first $sync (P11)');
      return;
    }
    const dot = lastDot(bytes, idFrom, idTo);
    const offset = dot < 0 ? -1 : base36(bytes, dot + 1, idTo);
    if (offset < 0) {
      this.#ledger.malformed(row, `an id without an offset: ${bytes.toString('latin1', idFrom, idTo)}`);
      return;
    }
    const prefix = bytes.toString('latin1', idFrom, dot + 1);
    if (!this.#ledger.isWitness(row)) {
      this.#ledger.plain(row, prefix, offset, hashOfBytes(bytes, dataFrom, dataTo));
      return;
    }
    const text = bytes.toString('utf8', dataFrom, dataTo);
    const event = parseJson(text);
    if (event === null) this.#ledger.malformed(row, `an envelope that is not JSON: ${text.slice(0, 100)}`);
    else this.#ledger.witnessed(row, prefix, offset, event);
  }

  heartbeat(_row: number): void {
    this.#ledger.counts.heartbeats++;
  }

  malformed(row: number, why: string): void {
    this.#ledger.malformed(row, why);
    this.#sockets[row]!.destroy();
  }

  // Opening

  #openSome(now: number): void {
    const pace = this.#pace;
    if (pace === null || this.#isClosing) return;
    const allowed = ((now - pace.sinceMs) / 1000) * this.#work.openPerS + 1;
    while (this.#openingSince.size < this.#work.openingMax) {
      // Whoever comes back is not held up by the pace of those that come first.
      const again = this.#ready.pop();
      if (again !== undefined) {
        this.#open(again, now);
      } else if (this.#nextRow < this.#ledger.rows && pace.started < allowed) {
        pace.started++;
        this.#open(this.#nextRow++, now);
      } else return;
    }
  }

  #open(row: number, now: number): void {
    const { host, port } = this.#addressFor(row);
    this.#parser.reset(row);
    this.#flags[row]! &= WAS_OPEN;
    const onread = {
      buffer: this.#buffer,
      callback: this.#read as unknown as (length: number, buffer: Uint8Array) => boolean,
    };
    const socket = connect({ host, port, ...this.#sourceFor(row), onread }) as Row;
    socket[rowOf] = row;
    this.#sockets[row] = socket;
    this.#openingSince.set(row, now);
    socket.on('connect', this.#connected);
    socket.on('error', this.#failed);
    socket.on('close', this.#closed);
  }

  #sourceFor(row: number): { localAddress?: string; localPort?: number } {
    const { sources, ports } = this.#work.plan;
    if (sources.length === 0) return {};
    const source = row % sources.length;
    const port = this.#ports[source]!;
    this.#ports[source] = (port + 1) % ports.count;
    return { localAddress: sources[source]!, localPort: ports.from + port };
  }

  /** Streams of a channel go to as many targets as they are to be spread over, each channel beginning at another. */
  #addressFor(row: number): Address {
    const { streamsTargets, options } = this.#work;
    const { part, firstRow } = this.#ledger.roomOfRow(row);
    const index = part.before + row - firstRow;
    const perRoom = Math.max(1, Math.round(options.streams / options.channels));
    // With a spread over all, streams take turns whatever their channel is: every target gets as many as any other.
    const turn =
      options.spread === streamsTargets.length ? part.room * perRoom + index : part.room + (index % options.spread);
    return streamsTargets[turn % streamsTargets.length]!;
  }

  #request(row: number): string {
    const { name } = this.#ledger.roomOfRow(row);
    const fields = this.#ledger.isWitness(row) ? '?with=from,seq' : '';
    const cursor = this.#ledger.cursorOf(row);
    const resume = cursor === undefined ? '' : `Last-Event-ID: ${cursor}\r\n`;
    const host = this.#addressFor(row).name;
    return `GET /c/${name}/events${fields} HTTP/1.1\r\nHost: ${host}\r\nAccept: text/event-stream\r\n${resume}\r\n`;
  }

  // What a stream is told

  #control(row: number, frame: Frame): void {
    if (frame.event === '$sync') this.#sync(row, frame);
    else if (frame.event === '$bye' || frame.event === '$overloaded') {
      this.#set(row, IS_ANNOUNCED);
      this.lastFailure = `sent away with ${frame.event}`;
    } else if (frame.event === '$binary') this.#ledger.malformed(row, '$binary for what was clean text');
  }

  #sync(row: number, { bytes, idFrom, idTo, dataFrom, dataTo }: Frame): void {
    const data = parseJson(bytes.toString('utf8', dataFrom, dataTo)) as SyncData | null;
    const channel = data?.channels?.[this.#ledger.roomOfRow(row).name];
    if (data === null || channel === undefined) {
      this.#ledger.malformed(row, 'a $sync that does not tell of the channel');
      return;
    }
    const id = bytes.toString('latin1', idFrom, idTo);
    const dot = id.lastIndexOf('.');
    const offset = Number.parseInt(id.slice(dot + 1), 36);
    if (channel.status === 'fresh') {
      // Its first change is accepted and not yet merged: what its first offset will be is not known before.
      if (channel.oldest > channel.head) {
        this.lastFailure = 'the channel has no event yet';
        this.#sockets[row]!.destroy();
        return;
      }
      if (dot < 0 || offset !== channel.head)
        this.#ledger.malformed(row, `head ${channel.head}, but the cursor is ${id}`);
      this.#ledger.fresh(row, id.slice(0, dot + 1), channel.head);
    } else if (channel.status === 'resumed') {
      this.#ledger.resumed(row, channel.head, this.#openingSince.get(row) ?? nowMs());
    } else if (channel.status === 'reset') {
      const why = `the server cannot go on where the stream was; lost: ${channel.lost ?? 'unknown'}`;
      this.#ledger.wasReset(row, channel.head, why);
    }
    if (!this.#is(row, IS_OPEN)) this.#opened(row);
  }

  #opened(row: number): void {
    const { counts } = this.#ledger;
    this.#openingSince.delete(row);
    counts.open++;
    if (!this.#is(row, WAS_OPEN)) counts.opened++;
    this.#set(row, IS_OPEN | WAS_OPEN);
    if (counts.opened === this.#ledger.rows && this.onAllOpen !== null) {
      this.onAllOpen();
      this.onAllOpen = null;
    }
    this.#openSome(nowMs());
  }

  #ended(row: number): void {
    this.#sockets[row] = null;
    if (this.#isClosing) return;
    this.#openingSince.delete(row);
    const isCut = this.#is(row, IS_CUT);
    if (this.#is(row, IS_OPEN)) {
      this.#ledger.counts.open--;
      const isAnnounced = this.#is(row, IS_ANNOUNCED) && !this.#work.options.strict;
      this.#ledger.ended(row, isCut, isAnnounced, this.#isLoaded, this.lastFailure ?? 'the server closed it');
    } else {
      this.#ledger.counts.openFailures++;
      this.lastFailure ??= NO_FRAME;
    }
    const isTaken = this.#is(row, PORT_IS_TAKEN);
    this.#flags[row]! &= WAS_OPEN;
    const awayMs = isCut ? AWAY_MS : isTaken ? 0 : this.#retryMs[row]!;
    const delayMs = this.#random.next() * awayMs;
    this.#later.add(row, nowMs() + delayMs);
  }

  #is(row: number, flag: number): boolean {
    return (this.#flags[row]! & flag) !== 0;
  }

  #set(row: number, flags: number): void {
    this.#flags[row]! |= flags;
  }
}

interface SyncData {
  readonly channels?: Readonly<
    Record<
      string,
      { readonly status: string; readonly head: number; readonly oldest: number; readonly lost?: number | null }
    >
  >;
}

function parseJson(text: string): Record<string, never> | null {
  try {
    return JSON.parse(text) as Record<string, never>;
  } catch {
    return null;
  }
}

function lastDot(bytes: Buffer, from: number, to: number): number {
  for (let at = to - 1; at >= from; at--) if (bytes[at] === DOT) return at;
  return -1;
}

/** A number of digits 0–9 and a–z; -1 for anything else. */
function base36(bytes: Buffer, from: number, to: number): number {
  if (from >= to) return -1;
  let value = 0;
  for (let at = from; at < to; at++) {
    const byte = bytes[at]!;
    if (byte >= 48 && byte <= 57) value = value * 36 + byte - 48;
    else if (byte >= 97 && byte <= 122) value = value * 36 + byte - 87;
    else return -1;
  }
  return value;
}

/** The gateway's own parts (hub, audience, stream, catch-up) over a log that a test writes to, with nothing between them. */
import { cursorPrefix, parseCursor } from '../../src/domain/cursor.ts';
import type { Event } from '../../src/domain/event.ts';
import { History } from '../../src/domain/history.ts';
import type { Position } from '../../src/domain/position.ts';
import type { ChannelObserver, Engine } from '../../src/engine/engine.ts';
import { Audience, type AudienceDeps } from '../../src/gateway/audience/audience.ts';
import { catchUp } from '../../src/gateway/audience/catchup.ts';
import { createSoon } from '../../src/gateway/audience/soon.ts';
import type { Transport } from '../../src/gateway/connection/transport.ts';
import type { Format } from '../../src/gateway/formats/format.ts';
import { Hub } from '../../src/gateway/hub/hub.ts';
import type { Rest } from '../../src/gateway/rest.ts';
import { Stream } from '../../src/gateway/stream/stream.ts';
import { createTurns } from '../../src/gateway/turns.ts';
import { createMetrics } from '../../src/metrics.ts';
import { tailsOf } from './tails.ts';

const metrics = createMetrics();
export const lines: Format = {
  contentType: 'text/plain',
  event: ({ offset, from, bytes }, channel, cursor) =>
    `${JSON.stringify({ channel, offset, from, cursor, change: bytes.toString() })}\n`,
  pieces: (...of) => [lines.event(...of)],
  control: (frame) => `${JSON.stringify({ control: frame.event, data: frame.data })}\n`,
  heartbeat: '',
};

/** What a stream was given: an event, or a control frame. */
export interface Line {
  readonly channel?: string;
  readonly offset?: number;
  readonly from?: string;
  readonly cursor?: string;
  readonly change?: string;
  readonly control?: string;
  readonly data?: { readonly folded: number; readonly channel: string };
}

export function linesOf(text: string): Line[] {
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Line);
}

/** All promises and immediates that are under way have had their turn. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 10; i++) await new Promise<void>((resolve) => setImmediate(resolve));
}

/** A channel's log, of which no more is kept than the newest `keep` events. */
export class Log {
  readonly channel: string;
  readonly hub: Hub;
  /** Of changes, in all reads of the history. */
  readBytes = 0;
  reads = 0;
  stateReads = 0;
  readonly #keep: number;
  #epoch = 'aaaaaa1';
  #history = new History(0);
  #observer: ChannelObserver | null = null;

  constructor(channel: string, keep: number) {
    this.channel = channel;
    this.#keep = keep;
    const readHistory = async (_channel: string, after: Position | null, limit: number, maxBytes: number) => {
      const log = { epoch: this.#epoch, head: this.#history.head, oldest: this.#history.oldest, base: 0 };
      const offset = after?.offset ?? Math.max(this.#history.floor, log.head - limit);
      if (after && after.epoch !== log.epoch) return { kind: 'gap', reason: 'epoch', log };
      if (offset < this.#history.floor) return { kind: 'gap', reason: 'trimmed', log };
      const events = this.#history.after(offset, limit, maxBytes);
      this.reads++;
      for (const { bytes } of events) this.readBytes += bytes.length;
      return { kind: 'events', log, events };
    };
    const engine = {
      shards: 1,
      readHistory,
      ...tailsOf(readHistory as Engine['readHistory']),
      readState: async () => {
        this.stateReads++;
        return { epoch: this.#epoch, offset: this.#history.head, state: new Map() };
      },
      subscribe: async (_channel: string, observer: ChannelObserver) => {
        this.#observer = observer;
        return { close: () => undefined };
      },
    } as unknown as Engine;
    const onError = (_channel: string, error: unknown) => {
      throw error;
    };
    this.hub = new Hub(channel, { engine, account: () => undefined, onError });
  }

  /** Adds one event of each of these, published as one batch. */
  commit(froms: readonly string[], change = 'x'): void {
    const first = this.#history.head + 1;
    const bytes = Buffer.from(change);
    const events = froms.map((from, i): Event => ({ offset: first + i, from, seq: 1, atMs: 0, bytes }));
    this.#history.append(events);
    this.#history.trimTo(this.#keep);
    this.#observer!.published(this.#epoch, events);
  }

  /** Another log takes its place, which goes on from the same offset. */
  async renew(epoch = 'bbbbbb2'): Promise<void> {
    this.#epoch = epoch;
    this.#history = new History(this.#history.head);
    await this.hub.repair();
  }

  /** Nothing has ever been sent here, and others of its shard have brought so much. */
  async moveOn(count: number): Promise<void> {
    this.#history = new History(0, this.#history.head + count);
    await this.hub.repair();
  }

  /** The offset a cursor of this one channel stands for; undefined when it is of another epoch. */
  offsetOf(cursor: string): number | undefined {
    const parsed = parseCursor(cursor, 1);
    return parsed?.prefix === cursorPrefix([this.channel], [this.#epoch]) ? parsed.offsets[0] : undefined;
  }
}

/** However long a turn takes on this machine, what comes of it does not wait. */
export const noRest: Rest = { sliceMs: 5, leftMs: 0, begin() {}, end() {}, connected() {} };

/** With more than this waiting, a connection is full; and so large is a portion. */
export const BUFFER_BYTES = 64 << 10;

export class Client implements Transport {
  listener = null;
  isFull = false;
  readonly isClosed: boolean = false;
  writes = 0;
  /** Of the longest write, bytes. */
  longest = 0;
  last: Buffer | string = '';
  #text = '';
  #drained: (() => void)[] = [];

  write(bytes: Buffer | string): void {
    this.writes++;
    this.last = bytes;
    this.longest = Math.max(this.longest, Buffer.byteLength(bytes));
    this.#text += bytes.toString();
  }

  get lines(): Line[] {
    return linesOf(this.#text);
  }

  async drained(): Promise<void> {
    if (this.isFull) await new Promise<void>((resolve) => this.#drained.push(resolve));
  }

  /** It takes more again. */
  take(): void {
    this.isFull = false;
    for (const resolve of this.#drained.splice(0)) resolve();
  }

  isStalled(): boolean {
    return false;
  }

  end(): void {}
  destroy(): void {}
}

export interface Options {
  /** Called for each portion of a pass, and for each stream that joins with something to be told. */
  readonly onDelivered?: (events: number) => void;
  readonly format?: Format;
  /** Of all that is held back, bytes. */
  readonly heldBackMaxBytes?: number;
  readonly isPastClosed?: boolean;
}

export interface Parts {
  /** What went wrong, with the audience or with one of its streams. */
  readonly errors: unknown[];
  /** That were ended. */
  readonly failed: Stream[];
  readonly budget: { bytes: number };

  readonly audience: Audience;
  /** A stream from these offsets; from the heads when none are given. */
  readonly come: (offsets?: readonly number[]) => Client;
  /** The same over a connection of the test's own. */
  readonly connect: (transport: Transport, offsets: readonly number[]) => void;
}

export async function assemble(
  logs: readonly Log[],
  conflateMs: number,
  elapsedMs: () => number,
  {
    onDelivered = () => undefined,
    format = lines,
    heldBackMaxBytes = Number.POSITIVE_INFINITY,
    isPastClosed = false,
  }: Options = {},
): Promise<Parts> {
  const hubs = logs.map(({ hub }) => hub);
  await Promise.all(hubs.map(({ opened }) => opened));
  await settle();
  const clock = { wallMs: () => 0, elapsedMs };
  const errors: unknown[] = [];
  const failed: Stream[] = [];
  const onError = (error: unknown) => void errors.push(error);
  const held = { bytes: 0 };
  const budget = {
    account: (bytes: number) => {
      held.bytes += bytes;
    },
    get isSpent() {
      return held.bytes > heldBackMaxBytes;
    },
  };
  const turns = createTurns(clock, noRest);
  const deps: AudienceDeps = { clock, turns, soon: createSoon(clock, noRest), onDelivered, budget, onError };
  const audience = new Audience(hubs, format, conflateMs, deps);
  audience.isPastClosed = isPastClosed;
  const catchUpDeps = { clock, metrics, turns, heartbeatMs: () => 1_000, portionBytes: BUFFER_BYTES };
  const owner = {
    catchUp: (stream: Stream) =>
      void catchUp(stream, catchUpDeps).catch((error: unknown) => owner.failed(stream, error)),
    closed: (stream: Stream) => stream.detach(),
    failed: (stream: Stream, error?: unknown) => {
      if (error !== undefined) errors.push(error);
      failed.push(stream);
      stream.detach();
    },
    renewed: () => undefined,
    signedOut: () => undefined,
  };
  const connect = (transport: Transport, offsets: readonly number[]) => {
    const positions = hubs.map(({ epoch }, i) => ({ epoch, offset: offsets[i]! }));
    owner.catchUp(new Stream(transport, audience, positions, owner, 0));
  };
  const come = (offsets: readonly number[] = hubs.map(({ head }) => head)) => {
    const client = new Client();
    connect(client, offsets);
    return client;
  };
  return { audience, come, connect, errors, failed, budget: held };
}

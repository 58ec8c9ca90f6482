/**
 * Those for whom all this is: streams and a steady rate of changes through the edge, half over h2, from four addresses, because the
 * limits of one address are those of production. Every change is a number, so that each stream's ledger is a set.
 */
import { Histogram } from '../../../loadtest/measures/histogram.ts';
import { SseParser } from '../../support/sse.ts';
import { waitFor } from '../../support/wait.ts';
import { h2Line, type Line, plainLine } from './lines.ts';

export interface GoodOptions {
  readonly plainUrl: string;
  /** Null where no TLS is spoken. */
  readonly tlsUrl: string | null;
  readonly streams: number;
  readonly changesPerS: number;
}

/** Milliseconds from the moment a change is sent to its event at each stream. */
export interface Measured {
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const SOURCES = ['127.0.0.2', '127.0.0.3', '127.0.0.4', '127.0.0.5'];
const STREAMS_PER_CHANNEL = 5;
const TICK_MS = 5;
/** After that a change counts as lost. */
const ARRIVED_MS = 10_000;

interface Room {
  readonly channel: string;
  readonly line: Line;
  readonly seen: Set<number>[];
  readonly accepted: number[];
}

export class GoodClients {
  readonly #lines: readonly Line[];
  readonly #rooms: Room[] = [];
  readonly #changesPerS: number;
  readonly #sentMs: number[] = [];
  #events = new Histogram();
  repeated = 0;
  /** Changes that were answered with anything but 204. */
  refused = 0;
  /** Streams that ended before they were closed. */
  ended = 0;
  #isClosed = false;

  private constructor({ plainUrl, tlsUrl, changesPerS }: GoodOptions) {
    this.#changesPerS = changesPerS;
    this.#lines = SOURCES.flatMap((source) =>
      tlsUrl === null
        ? [plainLine(plainUrl, source), plainLine(plainUrl, source)]
        : [plainLine(plainUrl, source), h2Line(tlsUrl, source)],
    );
  }

  static async open(options: GoodOptions): Promise<GoodClients> {
    const good = new GoodClients(options);
    const rooms = Math.ceil(options.streams / STREAMS_PER_CHANNEL);
    for (let i = 0; i < rooms; i++) await good.#open(`good-${i}`, good.#lines[i % good.#lines.length]!);
    return good;
  }

  get accepted(): number {
    return this.#rooms.reduce((sum, { accepted }) => sum + accepted.length, 0);
  }

  /** Events that did not come, once for each stream they did not come to. */
  get lost(): number {
    const missing = ({ seen, accepted }: Room) =>
      seen.reduce((sum, each) => sum + accepted.filter((change) => !each.has(change)).length, 0);
    return this.#rooms.reduce((sum, room) => sum + missing(room), 0);
  }

  /** Sends at the steady rate for so long, and waits for all of it. */
  async measure(seconds: number): Promise<Measured> {
    this.#events = new Histogram();
    const total = Math.round(seconds * this.#changesPerS);
    const answers: Promise<void>[] = [];
    const startedMs = performance.now();
    await new Promise<void>((resolve) => {
      const timer = setInterval(() => {
        const due = Math.ceil(((performance.now() - startedMs) * this.#changesPerS) / 1000);
        while (answers.length < Math.min(due, total)) answers.push(this.#post());
        if (answers.length < total) return;
        clearInterval(timer);
        resolve();
      }, TICK_MS);
    });
    await Promise.all(answers);
    // What has not come by then is counted by `lost`.
    await waitFor(() => this.lost === 0, { timeoutMs: ARRIVED_MS, everyMs: 50, what: 'all events' }).catch(() => {});
    return { p50Ms: this.#events.quantileMs(0.5), p99Ms: this.#events.quantileMs(0.99) };
  }

  close(): void {
    this.#isClosed = true;
    for (const line of this.#lines) line.close();
  }

  async #open(channel: string, line: Line): Promise<void> {
    const seen = Array.from({ length: STREAMS_PER_CHANNEL }, () => new Set<number>());
    this.#rooms.push({ channel, line, seen, accepted: [] });
    for (const each of seen) {
      const parser = new SseParser();
      let isSynced = false;
      const onBytes = (bytes: Buffer) => {
        for (const { event, data } of parser.push(bytes)) {
          if (event === '$sync') isSynced = true;
          else if (event === 'message' && data !== undefined) this.#arrived(Number(data), each);
        }
      };
      const onEnd = () => {
        if (!this.#isClosed) this.ended++;
      };
      await line.listen(channel, onBytes, onEnd);
      await waitFor(() => isSynced, { what: `$sync on ${channel}` });
    }
  }

  async #post(): Promise<void> {
    const change = this.#sentMs.length;
    const { channel, line, accepted } = this.#rooms[change % this.#rooms.length]!;
    this.#sentMs.push(performance.now());
    const status = await line.post(channel, String(change));
    if (status === 204) accepted.push(change);
    else this.refused++;
  }

  #arrived(change: number, seen: Set<number>): void {
    if (seen.has(change)) this.repeated++;
    seen.add(change);
    this.#events.recordMs(performance.now() - this.#sentMs[change]!);
  }
}

/**
 * The history of a run: what writers sent and were told, what readers were given, what the store held in the end.
 *
 * One JSON object a line, in the order in which it happened to us, with one monotonic clock for all. Everything the checker
 * says is said from these lines alone, so a failed run can be looked at again, and a violation can be planted by hand.
 */
import { createWriteStream, readFileSync, type WriteStream } from 'node:fs';

export type Outcome =
  /** 204. */
  | 'ok'
  /** 4xx: this request was not accepted. */
  | 'fail'
  /** 503, time-out, reset. */
  | 'unknown';

/** Bodies are base64. `at` is milliseconds since the run began. */
export type Line =
  | {
      readonly t: 'send';
      readonly at: number;
      /** Of this request, a repeat has another. */
      readonly id: number;
      readonly channel: string;
      readonly from: string;
      readonly seq: number;
      readonly body: string;
    }
  | { readonly t: 'sent'; readonly at: number; readonly id: number; readonly outcome: Outcome; readonly status: number }
  | {
      readonly t: 'open';
      readonly at: number;
      readonly reader: string;
      readonly connection: number;
      readonly channels: readonly string[];
      /** What the reader came with; '' for nothing. */
      readonly cursor: string;
    }
  /** A control frame. `cursor` only where the frame had an id. */
  | {
      readonly t: 'told';
      readonly at: number;
      readonly reader: string;
      readonly connection: number;
      readonly event: string;
      readonly cursor: string;
      readonly data: unknown;
    }
  | {
      readonly t: 'event';
      readonly at: number;
      readonly reader: string;
      readonly connection: number;
      readonly channel: string;
      readonly cursor: string;
      readonly from: string;
      readonly seq: number;
      readonly body: string;
    }
  /** Where an answered poll says that the reader is. */
  | {
      readonly t: 'at';
      readonly at: number;
      readonly reader: string;
      readonly connection: number;
      readonly cursor: string;
    }
  | {
      readonly t: 'closed';
      readonly at: number;
      readonly reader: string;
      readonly connection: number;
      readonly why: string;
      /** The client will never come back by itself. */
      readonly forEver: boolean;
    }
  | {
      readonly t: 'fault';
      readonly at: number;
      readonly name: string;
      readonly phase: 'start' | 'stop';
      readonly detail: string;
    }
  /**
   * Redis was given back older data: what was answered 204 between the two moments may be gone, and from the first on readers may be told
   * so. Where every 204 had its replica and only commits may be gone, which are made again, the second is before the first.
   */
  | { readonly t: 'loss'; readonly at: number; readonly since: number; readonly until: number }
  /** No fault any more, and every change has its answer. */
  | { readonly t: 'quiet'; readonly at: number }
  | {
      readonly t: 'log';
      readonly at: number;
      readonly channel: string;
      readonly epoch: string;
      readonly head: number;
      readonly events: readonly LoggedEvent[];
    }
  | {
      readonly t: 'state';
      readonly at: number;
      readonly channel: string;
      readonly cursor: string;
      readonly fields: Readonly<Record<string, string>>;
    }
  | ArchiveLine;

/** What the archive had of a channel in the end. */
export type ArchiveLine = {
  readonly t: 'archive';
  readonly at: number;
  readonly channel: string;
  readonly head: number;
  readonly events: readonly LoggedEvent[];
  /** What `npm run archive -- verify` says. */
  readonly faults: readonly string[];
};

export interface LoggedEvent {
  readonly offset: number;
  readonly from: string;
  readonly seq: number;
  readonly body: string;
}

type WithoutTime<T> = T extends unknown ? Omit<T, 'at'> : never;
export type NewLine = WithoutTime<Line>;

export class Recorder {
  readonly lines: Line[] = [];
  readonly #began = performance.now();
  readonly #file: WriteStream | null;
  #sends = 0;

  /** @param path Where the lines go as well; nowhere when it is left out. */
  constructor(path?: string) {
    this.#file = path === undefined ? null : createWriteStream(path);
  }

  /** Milliseconds since the run began. */
  get now(): number {
    return performance.now() - this.#began;
  }

  nextId(): number {
    return ++this.#sends;
  }

  add(line: NewLine): number {
    const at = Math.round(this.now * 1000) / 1000;
    const whole = { ...line, at } as Line;
    this.lines.push(whole);
    this.#file?.write(`${JSON.stringify(whole)}\n`);
    return at;
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => (this.#file ? this.#file.end(() => resolve()) : resolve()));
  }
}

export function readHistoryFile(path: string): Line[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((text) => text !== '')
    .map((text) => JSON.parse(text) as Line);
}

export function base64(bytes: Uint8Array | string): string {
  return Buffer.from(bytes).toString('base64');
}

/** What the three kinds of readers share: how what they are given becomes lines of the history. */
import { base64, type Recorder } from '../history.ts';

export interface ReaderOptions {
  readonly name: string;
  /** `http://host:port` of the clients' side of the fleet. */
  readonly url: string;
  readonly channels: readonly string[];
  readonly recorder: Recorder;
}

export interface Reader {
  readonly name: string;
  readonly channels: readonly string[];
  stop(): void;
}

export function eventsPath(channels: readonly string[], more = ''): string {
  return `/c/${channels.join(',')}/events?with=from,seq${more}`;
}

/** An envelope (P16). */
export interface Envelope {
  readonly id?: string;
  readonly channel?: string;
  readonly from?: string;
  readonly seq?: number;
  readonly data?: string;
  readonly b64?: string;
}

/** One reader's notes: numbers its connections and keeps the cursor it would come back with. */
export class Notes {
  readonly #options: ReaderOptions;
  connection = 0;
  cursor = '';

  constructor(options: ReaderOptions) {
    this.#options = options;
  }

  opened(): void {
    const { name, channels, recorder } = this.#options;
    this.connection++;
    recorder.add({ t: 'open', reader: name, connection: this.connection, channels, cursor: this.cursor });
  }

  told(event: string, cursor: string, data: unknown): void {
    if (cursor !== '') this.cursor = cursor;
    const { name, recorder } = this.#options;
    recorder.add({ t: 'told', reader: name, connection: this.connection, event, cursor, data });
  }

  given(cursor: string, { channel, from = '', seq = 0, data, b64 }: Envelope): void {
    this.cursor = cursor;
    const { name, channels, recorder } = this.#options;
    const body = b64 ?? base64(data ?? '');
    const on = channel ?? channels[0]!;
    recorder.add({ t: 'event', reader: name, connection: this.connection, channel: on, cursor, from, seq, body });
  }

  at(cursor: string): void {
    this.cursor = cursor;
    const { name, recorder } = this.#options;
    recorder.add({ t: 'at', reader: name, connection: this.connection, cursor });
  }

  closed(why: string, forEver = false): void {
    const { name, recorder } = this.#options;
    recorder.add({ t: 'closed', reader: name, connection: this.connection, why, forEver });
  }

  /** One SSE frame that carries data. */
  frame(event: string, cursor: string, data: string): void {
    if (event.startsWith('$') && event !== '$binary') this.told(event, cursor, JSON.parse(data));
    else this.given(cursor, JSON.parse(data) as Envelope);
  }
}

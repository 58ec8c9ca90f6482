/** A stream's connection and format as a listener hears them: bare offsets, and where it is told to start over. */
import type { Scheduler } from 'fast-check';
import type { Transport, TransportListener } from '../../../src/gateway/connection/transport.ts';
import type { Format } from '../../../src/gateway/formats/format.ts';

/** What was heard, in order: an event, or the cursor of a control frame (whose seq is 0). */
export interface Heard {
  readonly kind: 'event' | 'told';
  readonly epoch: string;
  readonly offset: number;
  readonly seq: number;
}

/** A line a frame. */
export const bareFormat: Format = {
  contentType: 'text/plain',
  heartbeat: '',
  event: (event, _channel, cursor) => `event ${cursor} ${event.seq}\n`,
  pieces: (...of) => [bareFormat.event(...of)],
  control: ({ cursor }) => (cursor === undefined ? '' : `told ${cursor}\n`),
};

export class Listener implements Transport {
  readonly #scheduler: Scheduler;
  readonly heard: Heard[] = [];
  /** Writes it takes before it is full, each time. */
  readonly #patience: number;
  #taken = 0;
  isClosed = false;
  listener: TransportListener | null = null;

  constructor(scheduler: Scheduler, patience: number) {
    this.#scheduler = scheduler;
    this.#patience = patience;
  }

  get isFull(): boolean {
    return this.#taken >= this.#patience;
  }

  write(bytes: Buffer | string): void {
    this.#taken++;
    for (const line of bytes.toString().split('\n')) {
      if (line === '') continue;
      const [kind, cursor = '', seq = '0'] = line.split(' ');
      const [epoch = '', offset = ''] = cursor.split('.');
      this.heard.push({ kind: kind as Heard['kind'], epoch, offset: Number.parseInt(offset, 36), seq: Number(seq) });
    }
  }

  async drained(): Promise<void> {
    await this.#scheduler.schedule(Promise.resolve(), 'drained');
    this.#taken = 0;
  }

  isStalled(): boolean {
    return false;
  }

  end(): void {
    this.isClosed = true;
  }

  destroy(): void {
    this.isClosed = true;
  }
}

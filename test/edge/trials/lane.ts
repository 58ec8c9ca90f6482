/** One way for single bytes from a publisher to a reader and back: a kept connection for changes, a stream for events. */
import assert from 'node:assert/strict';
import { newChannel } from '../../contract/protocol/kit.ts';
import { openSse, type SseReader } from '../../support/sse.ts';
import { waitFor } from '../../support/wait.ts';
import { oneConnection, open } from '../../support/wire.ts';

export interface LaneInit {
  readonly postUrl: string;
  readonly streamUrl: string;
  /** One connection of HTTP/1.1 for all changes; otherwise HTTP/2, on connections that the stream shares. */
  readonly isH1: boolean;
}

/** A byte whose event takes longer is lost. */
const LOST_MS = 10_000;

export class Lane implements AsyncDisposable {
  readonly #postUrl: string;
  readonly #path: string;
  readonly #agent: ReturnType<typeof oneConnection> | undefined;
  readonly #reader: SseReader;
  /** When each byte was sent, of those whose events have not come: events come in the order of the changes. */
  #underWayMs: number[] = [];
  #tookMs: number[] = [];
  #onEvent = () => {};

  private constructor(path: string, { postUrl, isH1 }: LaneInit, reader: SseReader) {
    this.#path = path;
    this.#postUrl = postUrl;
    this.#agent = isH1 ? oneConnection(postUrl) : undefined;
    this.#reader = reader;
  }

  static async open(init: LaneInit): Promise<Lane> {
    const path = `/c/${newChannel()}`;
    let lane: Lane | undefined;
    const reader = await openSse(`${init.streamUrl}${path}/events`, {
      headers: { Accept: 'text/event-stream' },
      onFrame: ({ event }) => {
        if (lane) lane.#take(event);
      },
    });
    lane = new Lane(path, init, reader);
    return lane;
  }

  #take(event: string): void {
    if (event !== 'message') return;
    this.#tookMs.push(performance.now() - this.#underWayMs.shift()!);
    this.#onEvent();
  }

  /** Resolves when it was accepted. */
  async send(): Promise<void> {
    this.#underWayMs.push(performance.now());
    const agent = this.#agent;
    const { status, body } = await open(this.#postUrl, this.#path, { method: 'POST', body: 'x', agent });
    assert.equal(status, 204);
    // Or the connection is not free for the next.
    await body.toArray();
  }

  /** Sends one and waits until it has come back. */
  async ping(): Promise<void> {
    const back = new Promise<void>((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`no event after ${LOST_MS} ms`)), LOST_MS);
      this.#onEvent = () => {
        clearTimeout(late);
        resolve();
      };
    });
    await Promise.all([this.send(), back]);
  }

  /** Resolves when no event is waited for. */
  async quiet(): Promise<void> {
    await waitFor(() => this.#underWayMs.length === 0, { what: 'all events', timeoutMs: LOST_MS });
  }

  /** How long each took that has come back since the last call, from the call that sent it to its event, ms. */
  take(): number[] {
    const took = this.#tookMs;
    this.#tookMs = [];
    return took;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#agent?.destroy();
    await this.#reader[Symbol.asyncDispose]();
  }
}

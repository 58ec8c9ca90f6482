/**
 * A reader of Server-Sent Events that shows what is on the wire: every frame with its own fields and comments, the bytes
 * as they came, and a connection that can be cut after any of them.
 *
 * The parser is written from WHATWG HTML §9.2.6 and shares nothing with any client library. It is stricter than
 * that in one point: bytes that are not UTF-8 are an error, because the protocol promises that there are none (P17).
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import { DEADLINE_MS, waitFor } from './wait.ts';
import { type Opened, open } from './wire.ts';

export interface Frame {
  /** The `id` field of this very frame; undefined when it has none. */
  readonly id: string | undefined;
  /** The event type; `message` when the frame names none. */
  readonly event: string;
  /** The data lines, joined with LF; undefined when there is none, and so nothing to dispatch. */
  readonly data: string | undefined;
  readonly retry: number | undefined;
  readonly comments: readonly string[];
}

const LF = 0x0a;
const CR = 0x0d;

export class SseParser {
  readonly #decoder = new TextDecoder('utf-8', { fatal: true });
  #rest = '';
  /** The last line ended with CR and was the end of the chunk: an LF that follows belongs to it. */
  #afterCr = false;
  #id: string | undefined;
  #event = '';
  #data: string[] = [];
  #retry: number | undefined;
  #comments: string[] = [];
  #isEmpty = true;

  /** @returns The frames that end in this chunk. */
  push(chunk: Uint8Array): Frame[] {
    const frames: Frame[] = [];
    let text = this.#rest + this.#decoder.decode(chunk, { stream: true });
    if (this.#afterCr && text.length > 0) {
      if (text.charCodeAt(0) === LF) text = text.slice(1);
      this.#afterCr = false;
    }
    let start = 0;
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (code !== LF && code !== CR) continue;
      this.#line(text.slice(start, at), frames);
      if (code === CR) {
        if (at + 1 === text.length) this.#afterCr = true;
        else if (text.charCodeAt(at + 1) === LF) at++;
      }
      start = at + 1;
    }
    this.#rest = text.slice(start);
    return frames;
  }

  #line(line: string, frames: Frame[]): void {
    if (line === '') {
      if (!this.#isEmpty) frames.push(this.#dispatch());
      return;
    }
    const colon = line.indexOf(':');
    if (colon === 0) {
      this.#comments.push(line.slice(1));
      // Between frames it is told at once.
      if (this.#isEmpty) frames.push(this.#dispatch());
      return;
    }
    this.#isEmpty = false;
    const field = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? '' : line.slice(line.charCodeAt(colon + 1) === 0x20 ? colon + 2 : colon + 1);
    if (field === 'data') this.#data.push(value);
    else if (field === 'event') this.#event = value;
    else if (field === 'id' && !value.includes('\0')) this.#id = value;
    else if (field === 'retry' && /^[0-9]+$/.test(value)) this.#retry = Number(value);
  }

  #dispatch(): Frame {
    const frame: Frame = {
      id: this.#id,
      event: this.#event === '' ? 'message' : this.#event,
      data: this.#data.length === 0 ? undefined : this.#data.join('\n'),
      retry: this.#retry,
      comments: this.#comments,
    };
    this.#id = undefined;
    this.#event = '';
    this.#data = [];
    this.#retry = undefined;
    this.#comments = [];
    this.#isEmpty = true;
    return frame;
  }
}

export interface SseInit {
  readonly headers?: Readonly<Record<string, string>>;
  /** Cuts the connection once so many bytes of the body have come; what comes with them is cut off too. */
  readonly cutAfterBytes?: number;
  /** Told of every frame, in place of `frames`, by readers that see too many to keep. */
  readonly onFrame?: (frame: Frame) => void;
}

export class SseReader implements AsyncDisposable {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly frames: Frame[] = [];
  /** The body so far. */
  bytes = 0;
  /** What an EventSource would send as `Last-Event-ID`. */
  lastEventId = '';
  /** Resolves when the response is over, however it ended. */
  readonly ended: Promise<void>;
  isEnded = false;
  readonly #body: Readable;
  #chunks: Buffer[] = [];
  #seen = 0;

  constructor({ status, headers, body }: Opened, { cutAfterBytes = Number.POSITIVE_INFINITY, onFrame }: SseInit) {
    this.#body = body;
    this.status = status;
    this.headers = headers;
    const parser = new SseParser();
    let failure: unknown;
    body.on('data', (whole: Buffer) => {
      if (failure !== undefined || this.isEnded) return;
      const chunk = whole.subarray(0, cutAfterBytes - this.bytes);
      this.bytes += chunk.length;
      if (!onFrame) this.#chunks.push(chunk);
      try {
        for (const frame of parser.push(chunk)) this.#take(frame, onFrame);
      } catch (error) {
        failure = error;
      }
      if (failure !== undefined || this.bytes >= cutAfterBytes) this.close();
    });
    this.ended = new Promise((resolve, reject) => {
      body.on('error', () => {});
      body.once('close', () => {
        this.isEnded = true;
        if (failure === undefined) resolve();
        else reject(failure);
      });
    });
  }

  #take(frame: Frame, onFrame: ((frame: Frame) => void) | undefined): void {
    if (frame.id !== undefined) this.lastEventId = frame.id;
    if (onFrame) onFrame(frame);
    else this.frames.push(frame);
  }

  /** The body so far, as it came. */
  text(): string {
    return Buffer.concat(this.#chunks).toString('utf8');
  }

  /** The next frame, from where the last call left off, that is as wished; those before it are passed over. */
  next(wished: (frame: Frame) => boolean = isDispatched, timeoutMs = DEADLINE_MS): Promise<Frame> {
    return waitFor(
      async () => {
        while (this.#seen < this.frames.length) {
          const frame = this.frames[this.#seen++]!;
          if (wished(frame)) return frame;
        }
        if (this.isEnded) {
          await this.ended;
          throw new Error(`the stream ended before such a frame:\n${this.text()}`);
        }
        return undefined;
      },
      { timeoutMs, what: () => `a frame such as ${wished}; there was:\n${this.text()}` },
    );
  }

  /** The next so many frames that carry data, control frames included. */
  async take(count: number, timeoutMs?: number): Promise<Frame[]> {
    const taken: Frame[] = [];
    while (taken.length < count) taken.push(await this.next(isDispatched, timeoutMs));
    return taken;
  }

  pause(): void {
    this.#body.pause();
  }

  resume(): void {
    this.#body.resume();
  }

  close(): void {
    this.isEnded = true;
    this.#body.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
    await this.ended;
  }
}

/** An EventSource would hand it to its page: comments and empty frames are not. */
export function isDispatched({ data }: Frame): boolean {
  return data !== undefined;
}

/** Resolves with the head of the response, whatever its status. */
export async function openSse(url: string, init: SseInit = {}): Promise<SseReader> {
  const { origin } = new URL(url);
  return new SseReader(await open(origin, url.slice(origin.length), { headers: { ...init.headers } }), init);
}

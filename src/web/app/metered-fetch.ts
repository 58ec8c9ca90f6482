/**
 * The `fetch` that the client library is given: it counts what goes up and comes down, takes the time of each change, and asks for the
 * newest events of a room that was never seen here.
 */
import { BEGINNING_BYTES, headOf } from './beginning.ts';

export interface Meter {
  /** Bytes of a body. */
  up(bytes: number): void;
  down(bytes: number): void;
  /** A change has its 204, after so many milliseconds. */
  accepted(ms: number): void;
  /** An answer with events of this room begins behind this offset. */
  began(room: string, head: number): void;
}

/** Of a room without a cursor (P44). Who brings one is given all that was missed, whatever this says. */
const NEWEST = 50;

/**
 * Events are asked for `strict`: a refusal then has a status, which a `fetch` can read, and not the 200 that keeps an EventSource alive (P20).
 */
function eventsUrl(url: string): string {
  return url.includes('since=') ? `${url}&strict=1` : `${url}&strict=1&limit=${NEWEST}`;
}

const EVENTS = /\/c\/([^/?]+)\/events\?/;

function lengthOf(body: BodyInit | null | undefined): number {
  if (typeof body === 'string') return new TextEncoder().encode(body).length;
  return (body as ArrayBufferView | undefined)?.byteLength ?? 0;
}

/** Reads along at the beginning, and no further. */
function beginningOf(room: string, began: Meter['began']): (chunk: Uint8Array) => void {
  const decoder = new TextDecoder();
  let text: string | undefined = '';
  return (chunk) => {
    if (text === undefined) return;
    text += decoder.decode(chunk.subarray(0, BEGINNING_BYTES), { stream: true });
    const head = headOf(text);
    if (head !== undefined) began(room, head);
    if (head !== undefined || text.length >= BEGINNING_BYTES) text = undefined;
  };
}

export function createMeteredFetch(ask: typeof fetch, meter: Meter): typeof fetch {
  return async (input, init) => {
    const url = String(input);
    const [, room] = EVENTS.exec(url) ?? [];
    const isChange = init?.method === 'POST';
    const begunMs = performance.now();
    const response = await ask(room ? eventsUrl(url) : url, init);
    if (isChange) {
      meter.up(lengthOf(init.body));
      if (response.status === 204) meter.accepted(performance.now() - begunMs);
      return response;
    }
    // Without TransformStream, in Firefox before 102, nothing is counted, and nothing is known to have been missed.
    if (!response.body || !('TransformStream' in globalThis)) return response;
    const look = room ? beginningOf(room, meter.began) : () => {};
    const counting = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
      transform(chunk, controller) {
        meter.down(chunk.length);
        look(chunk);
        controller.enqueue(chunk);
      },
    });
    return new Response(response.body.pipeThrough(counting), response);
  };
}

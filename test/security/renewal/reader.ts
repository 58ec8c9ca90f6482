/**
 * A reader written by hand, as PROTOCOL says for who writes a client: when its token is about to expire it opens another stream with a
 * new one, from the id of the last event, and then closes the first. What both have told is known by its id.
 */
import { SseParser } from '../../support/sse.ts';

export interface Figures {
  /** Streams that were asked for. */
  streams: number;
  /** New tokens while a stream was open. */
  renewals: number;
  /** Streams that ended with their token, before there was another: each is a gap in time, if not in what is heard. */
  expired: number;
}

export interface Reader {
  readonly heard: readonly string[];
  readonly figures: Readonly<Figures>;
  close(): void;
}

/** A server that is away, or has no room, is asked again so much later, ms. */
const AGAIN_MS = 200;

/** @param token A new one each time. */
export function readByHand(url: string, token: () => string): Reader {
  const heard: string[] = [];
  const figures: Figures = { streams: 0, renewals: 0, expired: 0 };
  const closed = new AbortController();
  let last: string | undefined;
  /** The first may tell what the second tells again, and so may a third, where the first ended before the second was there. */
  const known = new Set<string>();
  let current: AbortController | undefined;

  async function open(replaced?: AbortController): Promise<void> {
    const mine = new AbortController();
    const signal = AbortSignal.any([mine.signal, closed.signal]);
    figures.streams++;
    const since = last === undefined ? 'earliest' : last;
    const headers = { authorization: `Bearer ${token()}`, accept: 'text/event-stream' };
    const response = await fetch(`${url}?since=${encodeURIComponent(since)}`, { headers, signal });
    const parser = new SseParser();
    for await (const bytes of response.body!) {
      for (const { event, id, data = '' } of parser.push(bytes)) {
        if (event === '$sync') {
          // The first has ended meanwhile, and another is in its place.
          if (current !== undefined && current !== replaced) return mine.abort();
          replaced?.abort();
          current = mine;
        } else if (event === 'message' && id !== undefined && !known.has(id)) {
          known.add(id);
          last = id;
          heard.push(data);
        } else if (event === '$auth') {
          const { status } = JSON.parse(data) as { status: string };
          if (status === 'expiring') {
            figures.renewals++;
            // Should it fail, this one ends with its token, and `begin` goes on.
            open(mine).catch(() => undefined);
          } else if (current === mine) figures.expired++;
        }
      }
    }
    if (current === mine) current = undefined;
  }

  async function begin(): Promise<void> {
    while (!closed.signal.aborted) {
      if (current === undefined) await open().catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    }
  }

  void begin();
  return { heard, figures, close: () => closed.abort() };
}

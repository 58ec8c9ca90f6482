/**
 * What the servers that ours is compared with have in common: streams by channel, and a POST that sends one event to them.
 * They keep no history, no position and no order: the bare cost of holding a stream and of writing to it.
 */
export class Streams<T> {
  readonly #byChannel = new Map<string, Set<T>>();
  #id = 0;

  add(channel: string, stream: T): () => void {
    const streams = this.#byChannel.get(channel) ?? new Set();
    this.#byChannel.set(channel, streams.add(stream));
    return () => streams.delete(stream);
  }

  of(channel: string): Iterable<T> {
    return this.#byChannel.get(channel) ?? [];
  }

  /** The id of the next event; as long as ours. */
  nextId(): string {
    return `k3v9qa.${(++this.#id).toString(36)}`;
  }
}

/** `room` of `/c/room` and of `/c/room/events`. */
export function channelOf(url: string): string {
  return url.split('/')[2] ?? '';
}

export const streamHead = {
  'content-type': 'text/event-stream',
  'cache-control': 'no-store, no-transform',
  'x-accel-buffering': 'no',
};

export const greeting = 'retry: 2731\nid: k3v9qa.0\nevent: $sync\ndata: {"status":"fresh"}\n\n';

export function frameOf(id: string, data: string): Buffer {
  return Buffer.from(`id: ${id}\ndata: ${data}\n\n`);
}

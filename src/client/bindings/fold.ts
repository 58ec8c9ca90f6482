/** What a component makes of a channel: a value that is folded from its events, and begun anew when the server says so. */
import type { ChannelEvent, Connection, Reset, Status, SubscribeOptions } from '../contract.ts';

/** Its functions are pure: a new value where something changed, the same where nothing did. */
export interface Fold<S> extends Pick<SubscribeOptions, 'since' | 'snapshot' | 'conflateMs'> {
  readonly initial: S;
  event(value: S, event: ChannelEvent): S;
  /** Without it everything begins with `initial` again. */
  reset?(value: S, reset: Reset): S;
}

/** The newest events that were heard, oldest first. @param count How many are kept. */
export function newest(count: number): Fold<readonly ChannelEvent[]> {
  return { initial: [], event: (events, event) => [...events, event].slice(-count) };
}

/** A value that changes, as frameworks want it: the same object until it has changed, and then everybody is told. */
export interface Store<S> {
  value(): S;
  /** @returns Ends it. */
  subscribe(changed: () => void): () => void;
}

/**
 * Subscribed to the channel as long as somebody is to this, and a turn longer: who gives it up and takes it again at once, as React's
 * StrictMode does, has missed nothing. Whoever comes later begins anew.
 */
export function folded<S>(connection: Connection, channel: string, fold: Fold<S>): Store<S> {
  const { initial, event, reset = () => initial, since, snapshot, conflateMs } = fold;
  let value = initial;
  const options: SubscribeOptions = {
    ...(since !== undefined && { since }),
    ...(snapshot !== undefined && { snapshot }),
    ...(conflateMs !== undefined && { conflateMs }),
    onReset: (told) => become(reset(value, told)),
  };
  const listen = () => connection.subscribe(channel, (heard) => become(event(value, heard)), options);
  const shared = createShared(listen, () => {
    value = initial;
  });

  function become(next: S): void {
    if (Object.is(next, value)) return;
    value = next;
    shared.tell();
  }

  return { value: () => value, subscribe: shared.subscribe };
}

/** What the connection is like. */
export function statusOf(connection: Connection): Store<Status> {
  const shared = createShared(() => {
    const ended = new AbortController();
    connection.addEventListener('status', () => shared.tell(), { signal: ended.signal });
    return () => ended.abort();
  });
  return { value: () => connection.status, subscribe: shared.subscribe };
}

interface Shared extends Pick<Store<unknown>, 'subscribe'> {
  tell(): void;
}

/** One subscription for all that listen. @param listen Begins it, and returns what ends it. */
function createShared(listen: () => () => void, ended: () => void = () => undefined): Shared {
  // Not the functions themselves: the same one may come twice.
  const listeners = new Set<{ readonly changed: () => void }>();
  let stop: (() => void) | undefined;

  function settle(): void {
    if (listeners.size > 0 || stop === undefined) return;
    stop();
    stop = undefined;
    ended();
  }

  return {
    subscribe(changed) {
      const listener = { changed };
      listeners.add(listener);
      stop ??= listen();
      return () => {
        if (listeners.delete(listener)) queueMicrotask(settle);
      };
    },
    tell() {
      for (const { changed } of [...listeners]) changed();
    },
  };
}

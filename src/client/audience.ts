/**
 * Who listens to what, and the calls to them: in order, none after the end of its subscription, and what a listener throws reaches
 * neither the others nor the stream.
 */
import type { ChannelEvent, Reset } from './contract.ts';

export interface Listener {
  readonly event: (event: ChannelEvent) => void;
  readonly reset: ((reset: Reset) => void) | undefined;
  readonly lagged: ((folded: number) => void) | undefined;
}

export interface Audience {
  has(channel: string): boolean;
  add(channel: string, listener: Listener): void;
  /** @returns Whether it was there. */
  remove(channel: string, listener: Listener): boolean;
  event(event: ChannelEvent): void;
  reset(reset: Reset): void;
  lagged(channel: string, folded: number): void;
  /** Nobody is called any more. */
  close(): void;
}

export function createAudience(report: (thrown: unknown) => void): Audience {
  const listeners = new Map<string, Set<Listener>>();

  function each(channel: string, call: (listener: Listener) => unknown): void {
    const here = listeners.get(channel) ?? [];
    for (const listener of [...here]) {
      if (!listeners.get(channel)?.has(listener)) continue;
      try {
        // An async function is no listener that can be waited for, but its error is heard.
        const result = call(listener);
        if (result instanceof Promise) result.catch(report);
      } catch (thrown) {
        report(thrown);
      }
    }
  }

  return {
    has: (channel) => listeners.has(channel),
    add(channel, listener) {
      listeners.set(channel, (listeners.get(channel) ?? new Set()).add(listener));
    },
    remove(channel, listener) {
      const here = listeners.get(channel);
      if (!here?.delete(listener)) return false;
      if (here.size === 0) listeners.delete(channel);
      return true;
    },
    event: (event) => each(event.channel, (listener) => listener.event(event)),
    reset: (reset) => each(reset.channel, (listener) => listener.reset?.(reset)),
    lagged: (channel, folded) => each(channel, (listener) => listener.lagged?.(folded)),
    close: () => listeners.clear(),
  };
}

/** Who listens to what, and the calls to them: in order, none after the end of its subscription. */
import { callEach } from './call.ts';
import type { ChannelEvent, Reset, SubscribeOptions } from './contract.ts';

export interface Listener extends Pick<SubscribeOptions, 'onReset' | 'onLagged'> {
  readonly event: (event: ChannelEvent) => void;
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
    callEach(listeners.get(channel) ?? new Set<Listener>(), call, report);
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
    reset: (reset) => each(reset.channel, (listener) => listener.onReset?.(reset)),
    lagged: (channel, folded) => each(channel, (listener) => listener.onLagged?.(folded)),
    close() {
      for (const here of listeners.values()) here.clear();
      listeners.clear();
    },
  };
}

/** What a connection says of itself to whoever listens. An error that nobody listens for is written to the console. */
import { callEach } from './call.ts';
import type { Signals } from './contract.ts';
import { errorOf } from './errors.ts';

type Heard = { [K in keyof Signals]: Set<(signal: Signals[K]) => void> };

export interface SignalBoard {
  add<K extends keyof Signals>(type: K, listener: (signal: Signals[K]) => void, signal?: AbortSignal): void;
  tell<K extends keyof Signals>(type: K, signal: Signals[K]): void;
  report(thrown: unknown): void;
  close(): void;
}

export function createSignals(): SignalBoard {
  const heard: Heard = { status: new Set(), dropped: new Set(), error: new Set() };

  function tell<K extends keyof Signals>(type: K, signal: Signals[K]): void {
    callEach(heard[type], (listener) => listener(signal), type === 'error' ? console.error : report);
  }

  function report(thrown: unknown): void {
    if (heard.error.size === 0) console.error(thrown);
    else tell('error', errorOf(thrown));
  }

  return {
    add(type, listener, signal) {
      if (signal?.aborted) return;
      heard[type].add(listener);
      signal?.addEventListener('abort', () => heard[type].delete(listener), { once: true });
    },
    tell,
    report,
    close() {
      for (const each of Object.values(heard)) each.clear();
    },
  };
}

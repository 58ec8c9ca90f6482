/** What a connection says of itself to whoever listens. An error that nobody listens for is written to the console. */
import { whenAborted } from './aborted.ts';
import type { Signals } from './contract.ts';
import { errorOf } from './errors.ts';
import { createListeners } from './listeners.ts';

export interface SignalBoard {
  add<K extends keyof Signals>(type: K, listener: (signal: Signals[K]) => void, signal?: AbortSignal): void;
  tell<K extends keyof Signals>(type: K, signal: Signals[K]): void;
  report(thrown: unknown): void;
  close(): void;
}

export function createSignals(): SignalBoard {
  const listeners = createListeners<keyof Signals, (signal: never) => unknown>((thrown, type) =>
    type === 'error' ? console.error(thrown) : report(thrown),
  );

  function tell<K extends keyof Signals>(type: K, signal: Signals[K]): void {
    listeners.each(type, (listener) => listener(signal as never));
  }

  function report(thrown: unknown): void {
    if (listeners.has('error')) tell('error', errorOf(thrown));
    else console.error(thrown);
  }

  return {
    add: (type, listener, signal) => whenAborted(signal, listeners.add(type, listener)),
    tell,
    report,
    close: listeners.clear,
  };
}

/** What a subscription is to whoever has it. */
import type { Subscription } from '../../engine.ts';
import type { Listener } from './listener.ts';

interface Leaving {
  leave(names: readonly string[], listener: Listener): void;
}

/** A class, not a closure: there is one for each channel that somebody reads. */
export class Listening implements Subscription {
  #subscriber: Leaving | null;
  readonly #names: readonly string[];
  readonly #listener: Listener;

  constructor(subscriber: Leaving, names: readonly string[], listener: Listener) {
    this.#subscriber = subscriber;
    this.#names = names;
    this.#listener = listener;
  }

  close(): void {
    this.#subscriber?.leave(this.#names, this.#listener);
    this.#subscriber = null;
  }
}

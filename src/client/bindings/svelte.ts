/** `smallchange/client/svelte`: stores over `subscribe` (https://svelte.dev/docs/svelte/stores#Store-contract). Any Svelte that has stores. */
import type { Connection, Status } from '../contract.ts';
import { type Fold, folded, type Store, statusOf } from './fold.ts';

export { type Fold, newest } from './fold.ts';

/** What `$name` in a component reads. */
export interface Readable<S> {
  /** Called at once, and at every change. @returns Ends it. */
  subscribe(run: (value: S) => void): () => void;
}

/** The value of a channel: subscribed to as long as a component reads it. */
export function channelStore<S>(connection: Connection, channel: string, fold: Fold<S>): Readable<S> {
  return readable(folded(connection, channel, fold));
}

export function statusStore(connection: Connection): Readable<Status> {
  return readable(statusOf(connection));
}

function readable<S>(store: Store<S>): Readable<S> {
  return {
    subscribe(run) {
      const stop = store.subscribe(() => run(store.value()));
      run(store.value());
      return stop;
    },
  };
}

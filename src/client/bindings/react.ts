/** `smallchange/client/react`: hooks over `subscribe` (https://react.dev/reference/react/useSyncExternalStore). React 18 and newer. */
import { useState, useSyncExternalStore } from 'react';
import type { Connection, Status } from '../contract.ts';
import { type Fold, folded, type Store, statusOf } from './fold.ts';

export { type Fold, newest } from './fold.ts';

/**
 * The value of a channel, for as long as the component is mounted: one stream for all components of a page that are mounted together.
 *
 * @param connection Made once, outside of components.
 * @param fold What was given first holds until the connection or the channel is another one; then the value begins anew.
 */
export function useChannel<S>(connection: Connection, channel: string, fold: Fold<S>): S {
  return useStore([connection, channel], () => folded(connection, channel, fold), fold.initial);
}

export function useStatus(connection: Connection): Status {
  return useStore([connection], () => statusOf(connection), connection.status);
}

/** Kept in the component's state and not by `useMemo`, which React may forget, and the value with it. */
function useStore<S>(keys: readonly unknown[], create: () => Store<S>, onServer: S): S {
  const [held, hold] = useState(() => ({ keys, store: create() }));
  let { store } = held;
  if (keys.some((key, i) => key !== held.keys[i])) {
    store = create();
    hold({ keys, store });
  }
  return useSyncExternalStore(store.subscribe, store.value, () => onServer);
}

/** `smallchange/client/vue`: composables over `subscribe` (https://vuejs.org/guide/reusability/composables.html). Vue 3.3 and newer. */
import {
  getCurrentInstance,
  type MaybeRefOrGetter,
  onMounted,
  onScopeDispose,
  type ShallowRef,
  shallowRef,
  toValue,
  watch,
} from 'vue';
import type { Connection, Status } from '../contract.ts';
import { type Fold, folded, type Store, statusOf } from './fold.ts';

export { type Fold, newest } from './fold.ts';

/**
 * The value of a channel, for as long as its component is mounted, or its scope lives.
 *
 * @param channel When it becomes another one, the value begins anew.
 */
export function useChannel<S>(
  connection: Connection,
  channel: MaybeRefOrGetter<string>,
  fold: Fold<S>,
): Readonly<ShallowRef<S>> {
  return useStore(() => {
    const name = toValue(channel);
    return () => folded(connection, name, fold);
  }, fold.initial);
}

export function useStatus(connection: Connection): Readonly<ShallowRef<Status>> {
  return useStore(() => () => statusOf(connection), connection.status);
}

/** @param creator Reads what the store depends on, and returns what makes it. */
function useStore<S>(creator: () => () => Store<S>, initial: S): Readonly<ShallowRef<S>> {
  const value = shallowRef(initial);
  let stop = () => {};
  const follow = (create: () => Store<S>) => {
    stop();
    const store = create();
    const take = () => {
      value.value = store.value();
    };
    stop = store.subscribe(take);
    take();
  };
  const start = () => {
    watch(creator, follow, { immediate: true });
  };
  // A component that is rendered on a server is never mounted, and nobody would end it there.
  if (getCurrentInstance()) onMounted(start);
  else start();
  onScopeDispose(() => stop());
  return value;
}

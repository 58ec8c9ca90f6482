/** What concerns the same thing is done one after the other here: each goes by what the one before left. */

/** @returns Does it once all that was asked for before, of this key, is done or has failed. */
export function createInLine<K>(): <T>(key: K, act: () => Promise<T>) => Promise<T> {
  const last = new Map<K, Promise<unknown>>();
  return (key, act) => {
    const done = (last.get(key) ?? Promise.resolve()).then(act, act);
    const leave = () => void (last.get(key) === done && last.delete(key));
    last.set(key, done);
    done.then(leave, leave);
    return done;
  };
}

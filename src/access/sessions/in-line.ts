/** What concerns the same key is done one after the other here: the tabs of a browser renew their session in the same moment, and would be in each other's way. */

/** @returns Does it once all that was asked for before, of this key, is done or has failed. */
export function createInLine(): <T>(key: string, act: () => Promise<T>) => Promise<T> {
  const last = new Map<string, Promise<unknown>>();
  return (key, act) => {
    const done = (last.get(key) ?? Promise.resolve()).then(act, act);
    const leave = () => void (last.get(key) === done && last.delete(key));
    last.set(key, done);
    done.then(leave, leave);
    return done;
  };
}

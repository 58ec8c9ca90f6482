/**
 * Web Locks, which say that an owner is gone: a tab that was closed or killed has none. Where there are none (plain http, Node), every
 * tab is alone: undefined.
 */
export interface Locks {
  /** Held until the promise that `held` returns is over. @param lock null where another has it. */
  request(
    name: string,
    options: { ifAvailable?: boolean; steal?: boolean; signal?: AbortSignal },
    held: (lock: unknown) => unknown,
  ): Promise<unknown>;
}

export function browserLocks(): Locks | undefined {
  return (globalThis as { navigator?: { locks?: Locks } }).navigator?.locks;
}

/** @returns Gives it back; undefined where another has it. */
export function tryLock(locks: Locks, name: string): Promise<(() => void) | undefined> {
  return new Promise((resolve, reject) => {
    locks
      .request(name, { ifAvailable: true }, (lock) => {
        if (!lock) return resolve(undefined);
        return new Promise<void>((release) => resolve(release));
      })
      .catch(reject);
  });
}

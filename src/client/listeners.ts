/** Who listens to what, and the calls to them: in order, and none that was taken out meanwhile. */
export interface Listeners<K, L> {
  has(key: K): boolean;
  /** @returns Takes it out, and says whether it was there. */
  add(key: K, listener: L): () => boolean;
  /** What one throws reaches neither the others nor whoever calls. */
  each(key: K, call: (listener: L) => unknown): void;
  /** Nobody is called any more. */
  clear(): void;
}

/** @param failed Told of what one throws, or rejects with. */
export function createListeners<K, L>(failed: (thrown: unknown, key: K) => void): Listeners<K, L> {
  const all = new Set<readonly [K, L]>();
  const of = (key: K) => [...all].filter(([its]) => its === key);
  return {
    has: (key) => of(key).length > 0,
    add(key, listener) {
      const one = [key, listener] as const;
      all.add(one);
      return () => all.delete(one);
    },
    each(key, call) {
      for (const one of of(key)) {
        if (!all.has(one)) continue;
        try {
          // An async function is no listener that can be waited for, but its error is heard.
          const result = call(one[1]);
          if (result instanceof Promise) result.catch((thrown) => failed(thrown, key));
        } catch (thrown) {
          failed(thrown, key);
        }
      }
    },
    clear: () => all.clear(),
  };
}

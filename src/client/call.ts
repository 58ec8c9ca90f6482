/** Calls of what an app gave: what it throws reaches neither the others nor whoever calls. */

/** In order; none that was taken out meanwhile. @param failed Told of what one throws, or rejects with. */
export function callEach<T>(
  listeners: ReadonlySet<T>,
  call: (listener: T) => unknown,
  failed: (thrown: unknown) => void,
) {
  for (const listener of [...listeners]) {
    if (!listeners.has(listener)) continue;
    try {
      // An async function is no listener that can be waited for, but its error is heard.
      const result = call(listener);
      if (result instanceof Promise) result.catch(failed);
    } catch (thrown) {
      failed(thrown);
    }
  }
}

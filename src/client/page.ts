/**
 * What the browser tells of the page: looked at or not, frozen, put into the back/forward cache and brought back, online. In Node nothing.
 *
 * A frozen page keeps its locks and its `fetch` stream is dead without a word, and one in the back/forward cache would hold a stream
 * for nobody: so all is let go of in `freeze` and `pagehide`, and begun again in `resume` and `pageshow`. There is no `unload`: with
 * it no page is kept for "back".
 */
export interface PageListener {
  hidden(): void;
  visible(): void;
  /** A hint, no more: the network may still be dead. */
  online(): void;
  /** The last moment in which something can be sent, as far as the page knows. */
  leaving(): void;
  frozen(): void;
  /** From the cache, or thawed: what was open is dead. */
  back(): void;
}

export interface Page {
  isHidden(): boolean;
  /** @returns Ends it. */
  listen(listener: PageListener): () => void;
}

interface Target {
  addEventListener(
    type: string,
    listener: (event: { readonly persisted?: boolean }) => void,
    options: { signal: AbortSignal },
  ): void;
}

interface Browser {
  readonly document?: Target & { readonly visibilityState: string };
}

export function browserPage(): Page {
  const { document } = globalThis as Browser;
  const window = globalThis as unknown as Target;
  const isHidden = () => document?.visibilityState === 'hidden';
  return {
    isHidden,
    listen(listener) {
      const ending = new AbortController();
      const on = (target: Target, type: string, heard: (event: { readonly persisted?: boolean }) => void) =>
        target.addEventListener(type, heard, { signal: ending.signal });
      if (document) {
        on(document, 'visibilitychange', () => (isHidden() ? listener.hidden() : listener.visible()));
        on(document, 'freeze', () => listener.frozen());
        on(document, 'resume', () => listener.back());
        on(window, 'pagehide', () => listener.leaving());
        on(window, 'pageshow', ({ persisted }) => persisted && listener.back());
        on(window, 'online', () => listener.online());
      }
      return () => ending.abort();
    },
  };
}

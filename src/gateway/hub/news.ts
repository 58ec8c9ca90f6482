/**
 * News of several hubs, for one reader that waits for any of them.
 *
 * Made before its reader looks at the hubs, it has heard of whatever comes between the look and the waiting.
 */
import type { Hub, HubReader } from './hub.ts';

export class News implements HubReader {
  readonly #hubs: readonly Hub[];
  #hasCome = false;
  #wake: (() => void) | null = null;

  constructor(hubs: readonly Hub[]) {
    this.#hubs = hubs;
    for (const hub of hubs) hub.readers.add(this);
  }

  advanced(): void {
    this.#hasCome = true;
    this.#wake?.();
  }

  restarted(): void {
    this.advanced();
  }

  /** What has come until now is looked at now. */
  begin(): void {
    this.#hasCome = false;
  }

  /** Resolves when something has come since `begin`, after so many milliseconds, or when the signal is aborted. */
  async within(timeoutMs: number, signal: AbortSignal): Promise<void> {
    if (this.#hasCome || signal.aborted) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        this.#wake = null;
        resolve();
      };
      const timer = setTimeout(done, timeoutMs);
      signal.addEventListener('abort', done);
      this.#wake = done;
    });
  }

  close(): void {
    for (const hub of this.#hubs) hub.readers.delete(this);
  }
}

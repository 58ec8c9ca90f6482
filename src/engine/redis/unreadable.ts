/** Events that this version cannot read: where one is, nothing before it can be followed from, and its channel's readers are told. */
import type { EngineLog } from './log.ts';

export class Unreadable {
  readonly #log: EngineLog;
  /** Channels of which it was said: once each, as far as they are remembered. */
  readonly #told = new Set<string>();

  constructor(log: EngineLog) {
    this.#log = log;
  }

  /** @param offset Of the event; undefined where only that one of those published is. */
  tell(channel: string, error: unknown, offset?: number): void {
    if (this.#told.has(channel)) return;
    if (this.#told.size >= REMEMBERED_MAX) this.#told.clear();
    this.#told.add(channel);
    this.#log.warn(
      { channel, offset, err: error },
      'an event cannot be read, perhaps it is of a newer version: its readers are told reset, and go on after it',
    );
  }
}

/** Some 100 KB. */
const REMEMBERED_MAX = 1_000;

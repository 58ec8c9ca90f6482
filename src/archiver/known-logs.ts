/** What an archiver remembers of the archive's logs of a shard, for as long as nobody else writes them: the ones used last. */
import type { FollowedLog } from '../archive/archive.ts';
import type { Channel } from '../domain/channel.ts';

/** Some 300 bytes each, and those of an event. */
const LOGS_MAX = 2_000;
/** A log that ends with a larger event is read again instead. */
const EVENT_MAX_BYTES = 1_024;

export class KnownLogs {
  readonly #logs = new Map<Channel, FollowedLog | null>();

  /** Undefined where nothing is known; null where there is none. */
  get(channel: Channel): FollowedLog | null | undefined {
    return this.#logs.get(channel);
  }

  set(channel: Channel, log: FollowedLog | null): void {
    this.#logs.delete(channel);
    if ((log?.last?.bytes.length ?? 0) > EVENT_MAX_BYTES) return;
    this.#logs.set(channel, log);
    if (this.#logs.size > LOGS_MAX) this.#logs.delete(this.#logs.keys().next().value!);
  }

  forget(channel: Channel): void {
    this.#logs.delete(channel);
  }

  clear(): void {
    this.#logs.clear();
  }
}

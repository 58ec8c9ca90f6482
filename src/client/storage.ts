/** What an outbox is kept in: changes without their 204, and whose they are. */

export interface StoredChange {
  /** The server and the publisher's name: nobody else sends them. */
  readonly scope: string;
  readonly from: string;
  readonly channel: string;
  readonly seq: number;
  readonly bytes: Uint8Array;
  /** When it was published, milliseconds since 1970. */
  readonly atMs: number;
}

/** `from`, `channel` and `seq` are the key. Whatever throws or rejects makes the outbox go on in memory. */
export interface OutboxStorage {
  /** All of a scope. */
  list(scope: string): Promise<StoredChange[]>;
  put(change: StoredChange): Promise<void>;
  delete(change: StoredChange): Promise<void>;
}

/** What an app sees of the library: what it may say, and what it is told. */

export type State = 'connecting' | 'open' | 'parked' | 'offline' | 'closed' | 'failed';

export type TransportName = 'fetch' | 'eventsource' | 'poll';

/** Why the state is what it is: words for programs. A server may send others in `$bye` and `$overloaded`. */
export type Reason =
  | 'cut'
  | 'silent'
  | 'buffered'
  | 'refused'
  | 'rejected'
  | 'unauthorized'
  | 'not-our-server'
  | 'no-streaming'
  | 'no-token'
  | 'hidden'
  | 'degraded'
  | 'not-durable'
  | (string & {});

/**
 * `connecting`: asked, and no answer yet. `open`: live. `offline`: comes back by itself, in `retryInMs`. `parked`: nobody looks at the
 * page, so there is no stream. `failed`: comes back only at `reconnect()`, or when the page is looked at or the network returns.
 */
export interface Status {
  readonly state: State;
  readonly transport?: TransportName | 'shared';
  readonly reason?: Reason;
  readonly retryInMs?: number;
}

/** A problem as the server tells it (P1). */
export interface Problem {
  readonly code: string;
  readonly status: number;
  readonly detail?: string;
}

export interface ChannelEvent {
  readonly channel: string;
  /** Text where it is clean text, else bytes (P17). */
  readonly data: string | Uint8Array;
  /** The cursor of a reader that has seen it. */
  readonly id: string;
  /** `<name>~<tag>` of its publisher (P4). */
  readonly from?: string;
  readonly seq?: number;
  /** When it was accepted, milliseconds since 1970. */
  readonly at?: number;
  /** Whether this connection sent it; false also where it cannot be known: without `crypto.subtle`, on plain http. */
  readonly own: boolean;
  /** In a history: there is nothing of it any more. */
  readonly erased?: true;
}

export interface Snapshot {
  readonly channel: string;
  readonly cursor: string;
  readonly state: Readonly<Record<string, string | Uint8Array>>;
}

/** What is shown is to be replaced by the snapshot; `lost` events will never be seen, null when nobody knows how many. */
export interface Reset {
  readonly channel: string;
  readonly lost: number | null;
  readonly snapshot?: Snapshot;
}

export interface SubscribeOptions {
  /**
   * The cursor that the app stored with its own state, or `earliest`, `now`, `10m`. Who stores cursors gives it from the start: the
   * channel then has a stream of its own, and only then are the `id`s of its events cursors of this channel alone.
   */
  readonly since?: string;
  /** Begin with the state: `onReset` is called with it before the first event, `lost` 0. */
  readonly snapshot?: boolean;
  /** At most the newest event of each publisher's name in so many milliseconds, 20 to 60,000 (P28). */
  readonly conflateMs?: number;
  readonly onReset?: (reset: Reset) => void;
  readonly onLagged?: (folded: number) => void;
  readonly signal?: AbortSignal;
}

export interface PublishOptions {
  /** Takes the place of a change with the same key that was not sent yet. */
  readonly replace?: string;
  /** Takes it back as long as it was not sent. */
  readonly signal?: AbortSignal;
}

export interface Dropped {
  readonly channel: string;
  readonly data: Uint8Array;
  readonly why: 'rejected' | 'expired' | 'full';
  readonly problem?: Problem;
}

export interface Signals {
  readonly status: Status;
  readonly dropped: Dropped;
  readonly error: Error;
}

export interface Connection {
  readonly status: Status;
  /** Changes without their 204. */
  readonly pending: number;
  /** Resolves with the 204. Rejects with a `ClientError`: `closed`, `full`, `expired`, `aborted`, or the code of the server's problem. */
  publish(channel: string, data: string | Uint8Array, options?: PublishOptions): Promise<void>;
  /** @returns Ends it. */
  subscribe(channel: string, listener: (event: ChannelEvent) => void, options?: SubscribeOptions): () => void;
  /** @param options `fresh`: with every change in it whose `publish` was resolved before, anybody's. */
  state(channel: string, options?: { fresh?: boolean }): Promise<Snapshot>;
  history(channel: string, options?: { since?: string; limit?: number }): AsyncIterable<ChannelEvent>;
  /** Now, without waiting for the end of a back-off; also after `failed`. */
  reconnect(): void;
  /** Resolves when nothing is pending. */
  flush(options?: { signal?: AbortSignal }): Promise<void>;
  /** Final: no callback, request or timer after it. What is in a durable outbox is sent at the next start. */
  close(): void;
  addEventListener<K extends keyof Signals>(
    type: K,
    listener: (signal: Signals[K]) => void,
    options?: { signal?: AbortSignal },
  ): void;
}

/**
 * A transport: one way of hearing a server. It knows nothing of back-off, cursors or listeners; `stream.ts` does.
 *
 * Contract: after its `open`, `tell` and `alive` any number of times, and `ended` once. Nothing of an attempt that was closed counts any
 * more, but it may still call: who is called checks.
 */
import type { ClientClock } from './clock.ts';
import type { Problem, Reason, TransportName } from './contract.ts';

/** A frame as it came: `data` is JSON text, or what that says where the transport has parsed it anyway. */
export interface Told {
  readonly event: string;
  readonly data: unknown;
  readonly id?: string | undefined;
  readonly retryMs?: number;
}

export interface Ending {
  readonly reason: Reason;
  /** What the server asks for, milliseconds. */
  readonly retryMs?: number | undefined;
  readonly problem?: Problem | undefined;
}

export interface Sink {
  /** Something has come, if only a comment. */
  alive(): void;
  /** @returns Where something has to be asked for first: nothing else is told until then. */
  tell(told: Told): Promise<void> | undefined;
  ended(ending: Ending): void;
}

export interface StreamRequest {
  readonly channels: readonly string[];
  readonly cursor: string | undefined;
  /** `with`, `conflate`, `snapshot`. */
  readonly query: Query;
  readonly headers: Readonly<Record<string, string>>;
}

export interface Transport {
  readonly name: TransportName | 'shared';
  /** Whether it sees the server's heartbeats, so that silence means something. */
  readonly hearsHeartbeats: boolean;
  /** @returns Ends this attempt. */
  open(request: StreamRequest, sink: Sink): () => void;
  /** No other attempt follows for now. */
  leave?(): void;
}

export interface TransportDeps {
  readonly base: string;
  readonly fetch: typeof fetch;
  readonly clock: ClientClock;
}

/** What is undefined is not said. */
export type Query = Readonly<Record<string, string | number | undefined>>;

export function urlOf(base: string, path: string, query: Query): string {
  const search = new URLSearchParams(JSON.parse(JSON.stringify(query)));
  return `${base}/c/${path}?${search}`;
}

export function eventsUrl(base: string, { channels, cursor, query }: StreamRequest, more: Query = {}) {
  const cursors = channels[1] && 'joined';
  return urlOf(base, `${channels.join(',')}/events`, { ...query, ...more, cursors, since: cursor });
}

/** What Node's types leave out. */
export type RequestOptions = RequestInit & { readonly cache: 'no-store' };

/** With a token no redirect is followed: where to is not where it was meant to go. */
export function initOf(headers: Readonly<Record<string, string>>, signal: AbortSignal): RequestOptions {
  return { headers, cache: 'no-store', redirect: headers.authorization ? 'error' : 'follow', signal };
}

export function readInit(
  headers: Readonly<Record<string, string>>,
  accept: string,
  signal: AbortSignal,
): RequestOptions {
  return initOf({ ...headers, accept }, signal);
}

/** What `connect` takes, and what holds where nothing is said. */
import type { ClientClock } from './clock.ts';
import type { TransportName } from './contract.ts';
import type { OutboxStorage } from './storage.ts';

export interface ConnectOptions {
  /** The publisher's name, 1 to 40 of `A–Z a–z 0–9 _ -` (P4). Default `anyone`. The nonce is the library's own. */
  readonly name?: string;
  /** Asked before the first connect, after a refusal and when the server says that it expires; never for each POST. */
  readonly token?: () => string | Promise<string>;
  /** As `since` of `subscribe`, by channel. */
  readonly since?: Readonly<Record<string, string>>;
  /** Default all three, tried in this order. */
  readonly transports?: readonly TransportName[];
  /** Default `indexeddb`; falls to `memory` and says so (`not-durable`). */
  readonly storage?: OutboxStorage | 'indexeddb' | 'memory';
  readonly outbox?: OutboxLimits;
  /** One stream for the tabs of a profile. Default true; right without. */
  readonly share?: boolean;
  /** What becomes of the stream when the page is hidden. Default `park`: it is closed after 60 s; a number: after so many ms. */
  readonly whenHidden?: 'keep' | 'park' | number;
  readonly fetch?: typeof fetch;
  readonly clock?: ClientClock;
  readonly random?: () => number;
  readonly signal?: AbortSignal;
}

export interface OutboxLimits {
  /** Default 1,000. */
  readonly maxItems?: number;
  /** Default 1 MiB. */
  readonly maxBytes?: number;
  /** Default 12 h: must be less than the server's `DEDUPE_TTL_S`, after which a repeat is a change of its own. */
  readonly maxAgeMs?: number;
}

export const OUTBOX: Required<OutboxLimits> = { maxItems: 1_000, maxBytes: 1 << 20, maxAgeMs: 12 * 3_600_000 };

/** Somebody who looks at another app for a moment finds the stream open; a phone in a pocket holds none. */
export const PARK_MS = 60_000;

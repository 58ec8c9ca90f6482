/**
 * What a page and the browser that it lives in say to each other. The page is a process of its own, as a tab is; its storage, its locks
 * and its channels to other tabs are in the browser, and so outlive it.
 */

import type { TransportName } from '../../../src/client/contract.ts';
import type { PageListener } from '../../../src/client/page.ts';
import type { StoredChange } from '../../../src/client/storage.ts';

/** What a page is begun with. */
export interface Begin {
  readonly url: string;
  readonly name: string;
  /** Those whose cursors the app keeps, with where it is. */
  readonly kept: Readonly<Record<string, string>>;
  /** Those that it only looks at: from when it begins. */
  readonly live: readonly string[];
  readonly transports: readonly TransportName[];
  readonly share: boolean;
}

export type Heard = readonly [channel: string, number: number, cursor: string];

export type FromPage =
  | { readonly t: 'list'; readonly id: number; readonly scope: string }
  | { readonly t: 'put' | 'delete'; readonly id: number; readonly change: StoredChange }
  | { readonly t: 'lock'; readonly id: number; readonly name: string; readonly how: 'wait' | 'try' | 'steal' }
  | { readonly t: 'unlock'; readonly id: number }
  | { readonly t: 'say'; readonly name: string; readonly message: unknown }
  | { readonly t: 'heard'; readonly events: readonly Heard[] }
  /** Of the page, after what it was told by the browser was done. */
  | { readonly t: 'done' }
  | { readonly t: 'fault'; readonly what: string };

export type ToPage =
  | { readonly t: 'publish'; readonly channel: string; readonly number: number }
  | { readonly t: 'page'; readonly what: keyof PageListener }
  | { readonly t: 'answer'; readonly id: number; readonly found: StoredChange[] }
  | { readonly t: 'locked'; readonly id: number; readonly outcome: 'granted' | 'refused' | 'stolen' }
  | { readonly t: 'said'; readonly name: string; readonly message: unknown };

/** The change of a number: text of any length and letters, or bytes that are no text. */
export function changeOf(number: number): string | Uint8Array {
  const text = `${number} ${'·é🙂\n'.repeat(number % 7)}`;
  return number % 16 === 0 ? Buffer.concat([Buffer.from(text), Buffer.from([0xff, 0, 13, 10])]) : text;
}

/** @throws when the bytes are others than those of its number. */
export function numberOf(change: string | Uint8Array): number {
  const bytes = Buffer.from(change as string);
  const number = Number.parseInt(bytes.toString('latin1'), 10);
  if (bytes.equals(Buffer.from(changeOf(number) as string))) return number;
  throw new Error(`other bytes than were published: ${bytes.toString('base64')}`);
}

/**
 * What others are shown of a publisher: `<name>~<tag>` in the place of `<name>.<nonce>` (P4).
 *
 * Whoever knows a whole `from` can send as that publisher, and end what is accepted from it with one high `seq`. So the
 * nonce never leaves the server. Apart from `change.ts`, because what runs in a browser has another hash.
 */
import { hash } from 'node:crypto';
import { nameOf } from './change.ts';

/** Characters of the tag: 48 bits, so that two publishers of one name on one channel do not meet by chance. */
const TAG_CHARACTERS = 8;

/** An event is written once per audience. With more publishers than this at once, each costs a hash again: about 1 µs. */
const REMEMBERED_MAX = 1024;

const remembered = new Map<string, string>();

/** @param from `<name>.<nonce>`, or `''` where the publisher did not say; then `''`. */
export function shownFrom(from: string): string {
  if (from === '') return '';
  const known = remembered.get(from);
  if (known !== undefined) return known;
  const shown = `${nameOf(from)}~${hash('sha256', from, 'base64url').slice(0, TAG_CHARACTERS)}`;
  if (remembered.size === REMEMBERED_MAX) remembered.clear();
  remembered.set(from, shown);
  return shown;
}

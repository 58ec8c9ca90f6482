/**
 * What sessions and tickets are called: by their holder, an id, 22 characters; in a store, a key, of as many, from which no id can be found.
 *
 * Both end with a character that has their *group*: what belongs together in a store, and on a Redis Cluster is in one slot. All
 * sessions of one `sub` are of one group, and so is what is made of them.
 */
import { hash, randomBytes } from 'node:crypto';

/** Of 4 bits, which 22 characters have beside 128. */
export const GROUPS = 16;

const CHARACTERS = 22;

export const ID_PATTERN = /^[\w-]{22}$/;
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** @param group 0 to 15. */
export function newId(group: number): string {
  const bytes = randomBytes(17);
  bytes[16] = group << 4;
  return bytes.toString('base64url').slice(0, CHARACTERS);
}

export function keyOf(id: string): string {
  return hash('sha256', id, 'base64url').slice(0, CHARACTERS - 1) + id[CHARACTERS - 1];
}

/** Of all that a `sub` has. */
export function ownerKeyOf(sub: string): string {
  return hash('sha256', `sub\n${sub}`, 'base64url').slice(0, CHARACTERS);
}

/** Of the revocations of a group, which has one page of them. */
export function revokedKeyOf(group: number): string {
  return `revoked${'-'.repeat(CHARACTERS - 8)}${alphabet[group]!}`;
}

/** Of an id or a key. */
export function groupOf(text: string): number {
  return alphabet.indexOf(text[CHARACTERS - 1]!) % GROUPS;
}

/** What readers are shown of a publisher: its name, and a tag in the place of its nonce (P4). */
import { createHash } from 'node:crypto';

const TAG_CHARACTERS = 8;

export function shownOf(from: string): string {
  const tag = createHash('sha256').update(from).digest('base64url').slice(0, TAG_CHARACTERS);
  return `${from.slice(0, from.indexOf('.'))}~${tag}`;
}

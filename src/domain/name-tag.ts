/** What is remembered of a publisher that is erased: enough to know it again, and not its name. */
import { hash } from 'node:crypto';

/** 96 bits: no two names have the same. */
const TAG_CHARACTERS = 16;

export function nameTag(name: string): string {
  return hash('sha256', name, 'base64url').slice(0, TAG_CHARACTERS);
}

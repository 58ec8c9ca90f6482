/**
 * The cookie of a browser session: how it is written, and how it is found in a request (RFC 6265 §4).
 *
 * `__Host-`: browsers take it only over TLS, for this very host and every path of it, so no other host of the same site can plant one.
 */

export const SESSION_COOKIE = '__Host-sc';
const PREFIX = Buffer.from(`${SESSION_COOKIE}=`);
/** Of the base64url of 132 bits. */
export const SESSION_ID_CHARACTERS = 22;

const idPattern = /^[\w-]{22}$/;

/**
 * @param text Of the `Cookie` field.
 * @returns What the session is called there; null where what stands there can be no session's, undefined where there is none.
 */
export function sessionIdIn(text: string): string | null | undefined {
  if (!text.includes(SESSION_COOKIE)) return undefined;
  let found: string | null | undefined;
  for (const pair of text.split(';')) {
    const at = pair.indexOf('=');
    if (at < 0 || bare(pair.slice(0, at)) !== SESSION_COOKIE) continue;
    // Two are two answers to who it is.
    if (found !== undefined) return null;
    const value = bare(pair.slice(at + 1));
    found = idPattern.test(value) ? value : null;
  }
  return found;
}

/**
 * Without the blanks that cookies have around them (RFC 6265 §5.2). `trim` takes others away as well, such as U+00A0; and a cookie whose name
 * begins with one has no prefix for a browser, so any host of the same site can plant it.
 */
function bare(text: string): string {
  let [start, end] = [0, text.length];
  while (isBlank(text[start])) start++;
  while (end > start && isBlank(text[end - 1])) end--;
  return text.slice(start, end);
}

function isBlank(character: string | undefined): boolean {
  return character === ' ' || character === '\t';
}

/** The field as it is without it, for others. */
export function withoutSession(text: string): string {
  const others = text.split(';').filter((pair) => bare(pair.split('=', 1)[0]!) !== SESSION_COOKIE);
  return bare(others.join(';'));
}

/** The same of the bytes of a field. */
export function sessionIdAt(chunk: Buffer, start: number, end: number): string | null | undefined {
  const lone = loneAt(chunk, start, end);
  if (lone === undefined) return sessionIdIn(chunk.toString('latin1', start, end));
  return idPattern.test(lone) ? lone : null;
}

/** What stands in the place of an id, be it one or not, where the field has this one cookie and nothing else; undefined where it has not. */
export function loneAt(chunk: Buffer, start: number, end: number): string | undefined {
  const isLone = end - start === PREFIX.length + SESSION_ID_CHARACTERS && isPrefixAt(chunk, start);
  return isLone ? chunk.toString('latin1', start + PREFIX.length, end) : undefined;
}

function isPrefixAt(chunk: Buffer, start: number): boolean {
  for (let i = 0; i < PREFIX.length; i++) if (chunk[start + i] !== PREFIX[i]) return false;
  return true;
}

const ATTRIBUTES = 'Path=/; Secure; HttpOnly; SameSite=Strict';

/** @param leftMs For how long it is good. */
export function setCookie(id: string, leftMs: number): string {
  return `${SESSION_COOKIE}=${id}; ${ATTRIBUTES}; Max-Age=${Math.max(0, Math.floor(leftMs / 1000))}`;
}

export const deletedCookie = `${SESSION_COOKIE}=; ${ATTRIBUTES}; Max-Age=0`;

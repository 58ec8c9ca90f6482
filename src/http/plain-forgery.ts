/**
 * The rules of `forgery.ts` for plain requests, whose Host is bytes.
 *
 * Invariant: it admits nothing that those refuse. What it does not admit, Node reads and they judge.
 */
import { sessionIdAt } from '../access/session-cookie.ts';
import type { ForgeryRules } from './forgery.ts';
import type { PlainRequest } from './plain-request.ts';

/** Trusted Hosts that are known by their bytes: what clients call us is one name or very few. */
const KNOWN_MAX = 8;

export type Admits = (request: PlainRequest, chunk: Buffer) => boolean;

/** @param hasSessions Whether a cookie says who somebody is. */
export function createAdmission(rules: ForgeryRules, hasSessions = false): Admits {
  const known: Buffer[] = [];
  let oldest = 0;

  function isTrusted(chunk: Buffer, start: number, end: number): boolean {
    for (const host of known) if (isAt(host, chunk, start, end)) return true;
    if (!rules.isTrustedHost(chunk.toString('latin1', start, end))) return false;
    // A copy: the chunk would be kept as a whole.
    known[oldest] = Buffer.from(chunk.subarray(start, end));
    oldest = (oldest + 1) % KNOWN_MAX;
    return true;
  }

  function isTrustedCookie({ site, origin, hostStart, hostEnd, cookieStart, cookieEnd }: PlainRequest, chunk: Buffer) {
    // As nearly all say, whose Host need not be made text.
    if (site === 'same-origin' || rules.isTrustedFetch(site, origin, chunk.toString('latin1', hostStart, hostEnd)))
      return true;
    return sessionIdAt(chunk, cookieStart, cookieEnd) === undefined;
  }

  return (request, chunk) => {
    const { origin, hostStart, hostEnd } = request;
    if (!rules.anyHost && !isTrusted(chunk, hostStart, hostEnd)) return false;
    if (
      hasSessions &&
      request.cookieStart > 0 &&
      request.authorizationStart === 0 &&
      !isTrustedCookie(request, chunk)
    ) {
      return false;
    }
    if (origin === undefined || isOriginOf(origin, chunk, hostStart, hostEnd)) return true;
    return rules.isTrustedOrigin(origin, chunk.toString('latin1', hostStart, hostEnd));
  };
}

function isAt(bytes: Buffer, chunk: Buffer, start: number, end: number): boolean {
  if (bytes.length !== end - start) return false;
  for (let i = 0; i < bytes.length; i++) if (chunk[start + i] !== bytes[i]) return false;
  return true;
}

/** Whether the origin is `http://` or `https://` and this very Host, as that of a page which sends to where it came from is. */
function isOriginOf(origin: string, chunk: Buffer, start: number, end: number): boolean {
  const skipped = origin.length - (end - start);
  if (end === start || !(skipped === 7 ? origin.startsWith('http://') : skipped === 8 && origin.startsWith('https://')))
    return false;
  for (let i = start; i < end; i++) if (chunk[i] !== origin.charCodeAt(skipped + i - start)) return false;
  return true;
}

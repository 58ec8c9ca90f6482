/** Access by tokens: `Authorization: Bearer` and a JWT, or nothing, which is nobody, with what nobody may do. */
import { Problem } from '../errors.ts';
import type { Access, Principal } from './access.ts';
import { ExpiredTokens } from './expired-tokens.ts';
import type { Limits } from './limits.ts';
import { unauthenticated } from './principal.ts';
import { expiredToken, invalidToken, RefusedToken } from './refused-token.ts';
import type { Revocations } from './revocations/revocations.ts';
import type { TokenCache } from './token-cache.ts';
import type { TokenComplaints } from './token-complaints.ts';
import type { Verifier } from './verifier.ts';

export interface TokensDeps {
  readonly limits: Limits;
  readonly verifier: Verifier;
  readonly cache: TokenCache;
  readonly complaints: TokenComplaints;
  /** Who brings nothing. */
  readonly nobody: Principal;
  /** For how long a verification may be relied on now, milliseconds. */
  readonly goodForMs: () => number;
  readonly wallMs: () => number;
  readonly revocations: Pick<Revocations, 'isGood' | 'check'>;
}

const AUTHORIZATION = 'authorization';
/** `Bearer` and a blank: the scheme has no case (RFC 9110 §11.1). */
const SCHEME = 'bearer ';
const schemePattern = /^bearer(?: +(.*))?$/i;

/** Longest that a verification is relied on, milliseconds, whatever else allows it. */
const GOOD_FOR_MS = 240_000;

export function createTokenAccess(deps: TokensDeps): Access {
  const { verifier, cache, complaints, nobody, revocations } = deps;
  /** Being verified: many connections begin with the same token. */
  const underWay = new Map<string, Promise<Principal>>();
  const expired = new ExpiredTokens();

  async function verify(token: string): Promise<Principal> {
    try {
      const principal = await verifier.verify(token);
      cache.keep(token, principal, Math.min(GOOD_FOR_MS, deps.goodForMs()));
      return principal;
    } catch (error) {
      if (!(error instanceof RefusedToken)) throw error;
      complaints.refused(error.message, token);
      if (error.isExpired) expired.add(token);
      throw error.isExpired ? expiredToken() : invalidToken();
    } finally {
      underWay.delete(token);
    }
  }

  function verifiedOnce(token: string): Promise<Principal> {
    if (expired.has(token)) return Promise.reject(expiredToken());
    let verifying = underWay.get(token);
    if (verifying === undefined) {
      verifying = verify(token);
      underWay.set(token, verifying);
    }
    return verifying;
  }

  return {
    limits: deps.limits,
    recall(chunk, start, end, nowMs) {
      if (start === 0) return nobody;
      if (!isScheme(chunk, start, end)) return undefined;
      const known = cache.find(chunk, start + SCHEME.length, end, nowMs);
      return known !== undefined && revocations.isGood(known.identity) ? known : undefined;
    },
    endOfKnown(chunk, start) {
      return isScheme(chunk, start, chunk.length) ? cache.endAt(chunk, start + SCHEME.length) : -1;
    },
    identify(fields, address = '') {
      const [value, ...others] = authorizationsIn(fields);
      if (value === undefined) return nobody;
      if (others.length > 0) throw new Problem('bad_request', 'A request has one Authorization header.');
      // Who means to say who it is, and does not, is not nobody.
      if (value === '') throw unauthenticated();
      const [scheme, token = ''] = schemePattern.exec(value) ?? [];
      if (scheme !== undefined && token === '') throw unauthenticated();
      const bytes = Buffer.from(token, 'latin1');
      const known = cache.find(bytes, 0, bytes.length, deps.wallMs());
      if (known !== undefined && revocations.isGood(known.identity)) return known;
      return deps.limits.attempts.run(address, async () => {
        if (scheme === undefined) throw invalidToken();
        const principal = known ?? (await verifiedOnce(token));
        await revocations.check(principal.identity);
        return principal;
      });
    },
    sessions: null,
    revocations: null,
    close: () => cache.close(),
  };
}

/** The parsed header of Node has only the first. */
function authorizationsIn(fields: readonly string[]): string[] {
  const found: string[] = [];
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i]!;
    if (name.length === AUTHORIZATION.length && name.toLowerCase() === AUTHORIZATION) found.push(fields[i + 1]!);
  }
  return found;
}

function isScheme(chunk: Buffer, start: number, end: number): boolean {
  const blank = SCHEME.length - 1;
  // As it is: bit 5 would make a blank of NUL.
  if (end - start <= SCHEME.length || chunk[start + blank] !== SCHEME.charCodeAt(blank)) return false;
  // Bit 5 makes a letter lower-case.
  for (let i = 0; i < blank; i++) if ((chunk[start + i]! | 0x20) !== SCHEME.charCodeAt(i)) return false;
  return true;
}

/** The claims of a token whose signature is good: is it in force, from whom and for whom it should be, and what does it grant? */
import { hash } from 'node:crypto';
import { isName, ownOf, parseGrants } from './grants.ts';
import { GrantedPrincipal } from './principal.ts';
import { RefusedToken } from './refused-token.ts';
import { issueIn, RevocableIdentity } from './revocable.ts';

export interface ClaimRules {
  readonly issuer: string | null;
  readonly audience: string | null;
  /** The claim that holds the grants. */
  readonly grantClaim: string;
  /** How far `exp` may be ahead, milliseconds. */
  readonly maxLifetimeMs: number;
}

/** Seconds by which the clock of who issues a token may be ahead of ours. Never of use to one that has expired. */
const LEEWAY_S = 30;

/** Without control, format or unassigned characters, which could make it look like another. */
const subPattern = /^[^\p{C}\p{Zl}\p{Zp}]{1,255}$/u;

/** Of the hash of a `sub` that is no name: 132 bits. */
const HASHED_NAME_CHARACTERS = 22;

/** @throws {RefusedToken} */
export function readClaims(claims: object, rules: ClaimRules, nowMs: number): GrantedPrincipal {
  const nowS = nowMs / 1000;
  const exp = ownOf(claims, 'exp');
  if (typeof exp !== 'number' || !Number.isFinite(exp) || exp <= 0) throw new RefusedToken('exp is no time');
  if (exp <= nowS) throw new RefusedToken('exp has passed', true);
  if (exp > nowS + rules.maxLifetimeMs / 1000 + LEEWAY_S) throw new RefusedToken('exp is beyond TOKEN_MAX_LIFETIME_S');
  for (const name of ['nbf', 'iat']) {
    const time = ownOf(claims, name);
    if (time === undefined) continue;
    if (typeof time !== 'number' || !Number.isFinite(time)) throw new RefusedToken(`${name} is no time`);
    if (time > nowS + LEEWAY_S) throw new RefusedToken(`${name} is to come`);
    // Else it could be in force for longer than it is remembered that it was revoked.
    if (name === 'iat' && exp - time > rules.maxLifetimeMs / 1000 + LEEWAY_S) {
      throw new RefusedToken('exp is more than TOKEN_MAX_LIFETIME_S after iat');
    }
  }
  const iss = ownOf(claims, 'iss');
  if (rules.issuer !== null && iss !== rules.issuer) throw new RefusedToken('iss is not JWT_ISSUER');
  if (rules.audience !== null && !isFor(ownOf(claims, 'aud'), rules.audience)) {
    throw new RefusedToken('aud has no JWT_AUDIENCE');
  }
  const sub = ownOf(claims, 'sub');
  if (typeof sub !== 'string' || !subPattern.test(sub))
    throw new RefusedToken('sub is not 1 to 255 visible characters');
  const grants = parseGrants(ownOf(claims, rules.grantClaim) ?? absentOf(claims, rules.grantClaim));
  if (typeof grants === 'string') throw new RefusedToken(`the grant is wrong: ${grants}`);
  const name = grants.name ?? (isOwnName(sub) ? sub : hashedName(iss, sub));
  const identity = new RevocableIdentity({ sub, expiresMs: exp * 1000, ...issueIn(claims) });
  return new GrantedPrincipal({ identity, grants, names: new Set([name, ...grants.names]) });
}

/** Without the claim it is somebody who is granted nothing; with null in it, it is a mistake. */
function absentOf(claims: object, name: string): object | null {
  return Object.hasOwn(claims, name) ? null : {};
}

function isFor(aud: unknown, audience: string): boolean {
  return aud === audience || (Array.isArray(aud) && aud.includes(audience));
}

/** As long as a hash it may be another's, which all who receive his changes are shown: who may choose a `sub` could be called like him. */
function isOwnName(sub: string): boolean {
  return isName(sub) && sub.length !== HASHED_NAME_CHARACTERS;
}

/** Two issuers may each have a `sub` of their own that is the same. */
function hashedName(iss: unknown, sub: string): string {
  const text = `${typeof iss === 'string' ? iss : ''}\n${sub}`;
  return hash('sha256', text, 'base64url').slice(0, HASHED_NAME_CHARACTERS);
}

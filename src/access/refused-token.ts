/**
 * Why a token is refused: for our own log. Who sent it is told one of three things, and nothing that helps to find a better one.
 */
import { Problem } from '../errors.ts';

const INVALID = 'The token is a JWT that this server can verify, in force, of its issuer and for its audience.';
const REVOKED = 'The token was not revoked: sign in again.';
const EXPIRED = 'The token has not expired: get a new one.';

/** RFC 6750 §3.1. */
const TOKEN_CHALLENGE = { 'www-authenticate': 'Bearer error="invalid_token"' } as const;

export class RefusedToken extends Error {
  /** Its signature is good, and it would be, but for its age. */
  readonly isExpired: boolean;

  /** @param reason One of few, and nothing of the token. */
  constructor(reason: string, isExpired = false) {
    super(reason);
    this.name = 'RefusedToken';
    this.isExpired = isExpired;
  }
}

export function invalidToken(): Problem {
  return new Problem('invalid_token', INVALID, TOKEN_CHALLENGE);
}

export function revokedToken(): Problem {
  return new Problem('token_revoked', REVOKED, TOKEN_CHALLENGE);
}

export function expiredToken(): Problem {
  return new Problem('token_expired', EXPIRED, TOKEN_CHALLENGE);
}

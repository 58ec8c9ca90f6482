/** Tokens for tests, the good and the bad: signed by hand, so that nothing a library would refuse to make is out of reach. */
import { createHmac, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';

export const ISSUER = 'https://app.example';
export const AUDIENCE = 'https://rt.example';
export const SECRET = randomBytes(32).toString('base64url');

export const nowS = () => Math.floor(Date.now() / 1000);

/** What is not a string or bytes is sent as JSON. */
export function b64(value: unknown): string {
  const bytes = typeof value === 'string' || value instanceof Uint8Array ? value : JSON.stringify(value);
  return Buffer.from(bytes as string).toString('base64url');
}

export interface Signer {
  readonly header: Readonly<Record<string, unknown>>;
  sign(input: string): Buffer;
}

export function hs256(secret: string | Uint8Array, alg = 'HS256'): Signer {
  const digest = `sha${alg.slice(2)}`;
  return { header: { alg, typ: 'JWT' }, sign: (input) => createHmac(digest, secret).update(input).digest() };
}

export interface Pair extends Signer {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
  readonly pem: string;
  /** As a member of a JWK Set. */
  jwk(more?: Readonly<Record<string, unknown>>): Record<string, unknown>;
}

const makers = {
  RS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  EdDSA: () => generateKeyPairSync('ed25519'),
} as const;

export function pair(alg: keyof typeof makers, kid?: string): Pair {
  const { publicKey, privateKey } = makers[alg]() as { publicKey: KeyObject; privateKey: KeyObject };
  return {
    header: { alg, typ: 'JWT', ...(kid !== undefined && { kid }) },
    sign: (input) =>
      sign(alg === 'EdDSA' ? null : 'sha256', Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' }),
    publicKey,
    privateKey,
    pem: publicKey.export({ type: 'spki', format: 'pem' }) as string,
    jwk: (more = {}) => ({ ...publicKey.export({ format: 'jwk' }), alg, ...(kid !== undefined && { kid }), ...more }),
  };
}

export type Claims = Readonly<Record<string, unknown>>;

/** In force for an hour, of ALICE, for AUDIENCE, and granted nothing; `undefined` leaves a claim out. */
export function claims(more: Claims = {}): Claims {
  return { iss: ISSUER, aud: AUDIENCE, sub: 'alice', iat: nowS(), exp: nowS() + 3600, ...more };
}

export function granting(grant: unknown, more: Claims = {}): Claims {
  return claims({ smallchange: grant, ...more });
}

/** @param payload Claims, or whatever is to stand there. */
export function token(payload: unknown, by: Signer = hs256(SECRET), header: Claims = {}): string {
  const input = `${b64({ ...by.header, ...header })}.${b64(payload)}`;
  return `${input}.${by.sign(input).toString('base64url')}`;
}

/** `Authorization` with a token that grants this. */
export function bearer(grant: unknown, more: Claims = {}): string {
  return `Bearer ${token(granting(grant, more))}`;
}

/** A JWK Set (RFC 7517 §5) of a stranger's: what of it can verify tokens. What cannot is left out, as that RFC asks. */
import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { ownOf } from './grants.ts';
import { algorithmOf } from './key-kind.ts';
import type { Key } from './keys.ts';

/** More is no set of keys in use. */
const KEYS_MAX = 100;

/** By its kind: the members that are its public half. Nothing else of it is read. */
const publicMembers: Readonly<Record<string, readonly string[]>> = {
  RSA: ['kty', 'n', 'e'],
  EC: ['kty', 'crv', 'x', 'y'],
  OKP: ['kty', 'crv', 'x'],
};

/** @returns undefined where the text is no JWK Set. */
export function parseJwkSet(text: string): Key[] | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return undefined;
  }
  const listed = typeof parsed === 'object' && parsed !== null ? ownOf(parsed, 'keys') : undefined;
  if (!Array.isArray(listed)) return undefined;
  return listed.slice(0, KEYS_MAX).flatMap((jwk: unknown) => {
    const key = typeof jwk === 'object' && jwk !== null ? keyOf(jwk) : undefined;
    return key === undefined ? [] : [key];
  });
}

function keyOf(jwk: object): Key | undefined {
  const kty = ownOf(jwk, 'kty');
  const members = typeof kty === 'string' ? (ownOf(publicMembers, kty) as readonly string[] | undefined) : undefined;
  if (members === undefined || !isForSignatures(jwk)) return undefined;
  const material = publicKeyOf(Object.fromEntries(members.map((name) => [name, ownOf(jwk, name)])));
  const alg = material && algorithmOf(material);
  const [named, kid] = [ownOf(jwk, 'alg'), ownOf(jwk, 'kid')];
  // Without a name of its own it is for the one algorithm of its kind all the same.
  if (alg === undefined || (named !== undefined && named !== alg)) return undefined;
  return kid === undefined || typeof kid === 'string' ? { alg, kid, material: material! } : undefined;
}

function isForSignatures(jwk: object): boolean {
  const [use, operations] = [ownOf(jwk, 'use'), ownOf(jwk, 'key_ops')];
  if (use !== undefined && use !== 'sig') return false;
  return operations === undefined || (Array.isArray(operations) && operations.includes('verify'));
}

function publicKeyOf(jwk: JsonWebKey): KeyObject | undefined {
  try {
    return createPublicKey({ key: jwk, format: 'jwk' });
  } catch {
    return undefined;
  }
}

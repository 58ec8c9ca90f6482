/** Which public keys there are, and the one algorithm that each kind of them is for. */
import type { KeyObject } from 'node:crypto';

export type JwtKeyAlgorithm = 'RS256' | 'ES256' | 'EdDSA';

export const KEY_KINDS = 'RSA of 2048 bits or more, of the curve P-256, or Ed25519';

const RSA_MIN_BITS = 2048;

/** Undefined for a key of any other kind, or one that is too weak. */
export function algorithmOf({ type, asymmetricKeyType, asymmetricKeyDetails }: KeyObject): JwtKeyAlgorithm | undefined {
  if (type !== 'public') return undefined;
  switch (asymmetricKeyType) {
    case 'rsa':
      return (asymmetricKeyDetails?.modulusLength ?? 0) >= RSA_MIN_BITS ? 'RS256' : undefined;
    case 'ec':
      return asymmetricKeyDetails?.namedCurve === 'prime256v1' ? 'ES256' : undefined;
    case 'ed25519':
      return 'EdDSA';
    default:
      return undefined;
  }
}

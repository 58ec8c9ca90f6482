/**
 * The keys that tokens are verified with. Each is for one algorithm, which it has from the configuration or from its own kind, never
 * from a token.
 */
import { createPublicKey, type KeyObject } from 'node:crypto';
import type { JwtKeyAlgorithm } from './key-kind.ts';
import { algorithmOf } from './key-kind.ts';

export type Algorithm = JwtKeyAlgorithm | 'HS256';

export interface Key {
  readonly alg: Algorithm;
  /** Of a key in a JWK Set, as that has it. */
  readonly kid: string | undefined;
  readonly material: Uint8Array | KeyObject;
}

export interface Keys {
  /**
   * The one key for a token; undefined where none fits, or where several do.
   *
   * @throws {Problem} 503 where the keys cannot be asked for.
   */
  find(alg: string, kid: string | undefined): Promise<Key | undefined>;
  /** For how long what is known may be relied on, milliseconds. */
  goodForMs(): number;
}

/** Keys that are in the configuration: they have no name there, and what a token says of that is not asked. */
export function configuredKeys(secret: string | null, publicKey: string | null): Key[] {
  const keys: Key[] = [];
  if (secret !== null) keys.push({ alg: 'HS256', kid: undefined, material: new TextEncoder().encode(secret) });
  if (publicKey !== null) {
    const material = createPublicKey(publicKey);
    keys.push({ alg: algorithmOf(material)!, kid: undefined, material });
  }
  return keys;
}

/** @param remote Asked for what the others are not for. */
export function createKeys(configured: readonly Key[], remote: Keys | null): Keys {
  return {
    async find(alg, kid) {
      const own = configured.find((key) => key.alg === alg);
      return own ?? remote?.find(alg, kid);
    },
    goodForMs: () => remote?.goodForMs() ?? Number.POSITIVE_INFINITY,
  };
}

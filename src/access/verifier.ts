/**
 * Verifies a token, in an order in which the first failure answers: its form, its key, its signature, its claims, its grants.
 * Nothing is asked of a claim before the signature is good.
 */
import { compactVerify, errors } from 'jose';
import type { Clock } from '../clock.ts';
import type { Principal } from './access.ts';
import { type ClaimRules, readClaims } from './claims.ts';
import type { Keys } from './keys.ts';
import { RefusedToken } from './refused-token.ts';
import { parseForm, parseJsonObject } from './token-form.ts';

export interface VerifierDeps {
  readonly keys: Keys;
  readonly rules: ClaimRules;
  /** That `typ` must be, if one must. */
  readonly type: string | null;
  readonly clock: Clock;
}

export interface Verifier {
  /** @throws {RefusedToken}; or a {Problem} where the keys cannot be had. */
  verify(token: string): Promise<Principal>;
}

export function createVerifier({ keys, rules, type, clock }: VerifierDeps): Verifier {
  return {
    async verify(token) {
      const { alg, kid } = parseForm(token, type);
      const key = await keys.find(alg, kid);
      if (key === undefined) throw new RefusedToken('no key, or more than one, is for its alg and kid');
      const payload = await verified(token, key.material, key.alg);
      return readClaims(parseJsonObject(payload, 'its payload is no JSON object'), rules, clock.wallMs());
    },
  };
}

async function verified(
  token: string,
  material: Parameters<typeof compactVerify>[1],
  alg: string,
): Promise<Uint8Array> {
  try {
    return (await compactVerify(token, material, { algorithms: [alg] })).payload;
  } catch (error) {
    if (error instanceof errors.JOSEError) throw new RefusedToken('its signature does not verify');
    throw error;
  }
}

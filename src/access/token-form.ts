/**
 * The form of a token, before any cryptography: a JWS in compact form (RFC 7515 §7.1) with nothing unusual about it. What JOSE has
 * beside that (other serialisations, detached or unencoded payloads, compression, nesting, keys in the header) is refused, not read.
 */
import { ownOf } from './grants.ts';
import { RefusedToken } from './refused-token.ts';

/** Bytes: what proxies and we take of a header leaves room for one of these. */
export const TOKEN_MAX_BYTES = 4096;

const tokenPattern = /^([\w-]+)\.([\w-]+)\.([\w-]+)$/;
const types: readonly unknown[] = [undefined, 'JWT', 'at+jwt'];
/** Each changes what the rest means. `jku`, `jwk`, `x5u` and `x5c` are no better than an unknown key's, and are not read. */
const refusedParameters = ['crit', 'b64', 'zip', 'enc', 'cty'];

export interface TokenForm {
  readonly alg: string;
  readonly kid: string | undefined;
}

/** @param type That `typ` must be; null for any of those. @throws {RefusedToken} */
export function parseForm(token: string, type: string | null): TokenForm {
  const [, header, payload, signature] = (token.length <= TOKEN_MAX_BYTES && tokenPattern.exec(token)) || [];
  if (header === undefined) throw new RefusedToken('it is no compact JWT of at most 4096 bytes');
  for (const part of [header, payload!, signature!]) {
    // Else one signature has four spellings.
    if (Buffer.from(part, 'base64url').toString('base64url') !== part)
      throw new RefusedToken('its base64 is not exact');
  }
  const parsed = parseJsonObject(Buffer.from(header, 'base64url'), 'its header is no JSON object');
  const found = refusedParameters.find((name) => Object.hasOwn(parsed, name));
  if (found !== undefined) throw new RefusedToken(`its header has ${found}`);
  const typ = ownOf(parsed, 'typ');
  if (type === null ? !types.includes(typ) : typ !== type)
    throw new RefusedToken('its typ is not JWT_TYP, or none of JWTs');
  const alg = ownOf(parsed, 'alg');
  if (typeof alg !== 'string') throw new RefusedToken('its alg is no string');
  const kid = ownOf(parsed, 'kid');
  if (kid !== undefined && typeof kid !== 'string') throw new RefusedToken('its kid is no string');
  return { alg, kid };
}

/** @throws {RefusedToken} with this reason. */
export function parseJsonObject(bytes: Uint8Array, reason: string): object {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  } catch {
    // Neither what it is nor where it breaks is for anybody's eyes.
  }
  throw new RefusedToken(reason);
}

/** Tokens for benchmarks, each of so many bytes as those of an identity provider have, and what a server needs to take them. */
import { createHmac, randomBytes } from 'node:crypto';
import { request } from 'undici';

const SECRET = randomBytes(32).toString('base64url');
const [ISSUER, AUDIENCE] = ['https://app.example', 'https://rt.example'];

export const withTokens: Readonly<Record<string, string>> = {
  AUTH: 'jwt',
  JWT_SECRET: SECRET,
  JWT_ISSUER: ISSUER,
  JWT_AUDIENCE: AUDIENCE,
};

/** Longer than any benchmark. */
const LIFE_S = 12 * 3600;

/** `Authorization` of one who may do all, in force for hours. @param bytes Of the token: what base64url cannot hit, it is short of. */
export function bearerOf(sub: string, bytes: number): string {
  const nowS = Math.floor(Date.now() / 1000);
  const grant = { publish: ['*'], subscribe: ['*'] };
  const claims = { iss: ISSUER, aud: AUDIENCE, sub, exp: nowS + LIFE_S, jti: '', smallchange: grant };
  const missing = Math.floor(((bytes - signed(claims).length) * 3) / 4);
  if (missing < 0) throw new Error(`a token of ${bytes} bytes has no room for what it says`);
  return `Bearer ${signed({ ...claims, jti: 'x'.repeat(missing) })}`;
}

/** What the requests of a page bring: the cookie of a session that is begun with this `Authorization`, and that it is of this very site. */
export async function pageOf(port: number, authorization: string): Promise<Readonly<Record<string, string>>> {
  const { statusCode, headers } = await request(`http://127.0.0.1:${port}/session`, {
    method: 'POST',
    headers: { authorization },
  });
  const [cookie] = String(headers['set-cookie']).split(';', 1);
  if (statusCode !== 204 || cookie === undefined) throw new Error(`no session: ${statusCode}`);
  return { cookie, 'sec-fetch-site': 'same-origin' };
}

function signed(claims: object): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const input = `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}`;
  return `${input}.${createHmac('sha256', SECRET).update(input).digest('base64url')}`;
}

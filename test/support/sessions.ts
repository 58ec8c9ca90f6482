/** Sessions for tests: begun as a page does it, with a token. */
import assert from 'node:assert/strict';
import { bearer, type Claims } from './tokens.ts';

/** What a browser sends with the requests of a page of our own origin. */
export const OWN_PAGE = { 'sec-fetch-site': 'same-origin' } as const;

const setCookiePattern = /^(__Host-sc=[\w-]{22}); Path=\/; Secure; HttpOnly; SameSite=Strict; Max-Age=(\d+)$/;

export interface SignedIn {
  /** As the browser sends it back. */
  readonly cookie: string;
  readonly maxAgeS: number;
  /** Both that a page's requests have. */
  readonly headers: Record<string, string>;
}

/** @param cookie Of an earlier session. */
export async function signIn(url: string, grant: unknown, more: Claims = {}, cookie?: string): Promise<SignedIn> {
  const headers = { authorization: bearer(grant, more), ...OWN_PAGE, ...(cookie !== undefined && { cookie }) };
  const answer = await fetch(`${url}/session`, { method: 'POST', headers });
  assert.equal(answer.status, 204, await answer.text());
  const [, made, maxAge] = setCookiePattern.exec(answer.headers.get('set-cookie') ?? '') ?? [];
  assert.ok(made !== undefined, `${answer.headers.get('set-cookie')}`);
  return { cookie: made, maxAgeS: Number(maxAge), headers: { cookie: made, ...OWN_PAGE } };
}

export function signOut(url: string, { headers }: Pick<SignedIn, 'headers'>): Promise<Response> {
  return fetch(`${url}/session`, { method: 'DELETE', headers });
}

/** `POST /admin/revoke` for tests. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';

export const ADMIN_KEY = randomBytes(32).toString('base64url');

export function askToRevoke(url: string, wish: unknown, authorization = `Bearer ${ADMIN_KEY}`): Promise<Response> {
  const body = typeof wish === 'string' ? wish : JSON.stringify(wish);
  return fetch(`${url}/admin/revoke`, { method: 'POST', body, headers: { authorization } });
}

export async function revoke(url: string, wish: unknown): Promise<void> {
  const answer = await askToRevoke(url, wish);
  assert.equal(answer.status, 204, await answer.text());
}

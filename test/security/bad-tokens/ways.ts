/** In which ways a token is tried, and what has to be answered. */
import assert from 'node:assert/strict';
import { ask } from '../../support/ask.ts';
import type { Row } from './rows.ts';

export const HOST = 'Host: 127.0.0.1\r\n';

export function fieldsOf({ value }: Row): string {
  return [value]
    .flat()
    .map((each) => `Authorization: ${each}\r\n`)
    .join('');
}

const ways: readonly { readonly name: string; readonly fine: number; parts(fields: string): readonly string[] }[] = [
  {
    name: 'POST in one',
    fine: 204,
    parts: (fields) => [`POST /c/a.1 HTTP/1.1\r\n${HOST}${fields}Content-Length: 1\r\n\r\nx`],
  },
  {
    name: 'POST in two',
    fine: 204,
    parts: (fields) => [`POST /c/a.1 HTTP/1.1\r\n${HOST}${fields}`, 'Content-Length: 1\r\n\r\nx'],
  },
  { name: 'SSE', fine: 200, parts: (fields) => [`GET /c/a.1/events HTTP/1.1\r\n${HOST}${fields}\r\n`] },
  { name: 'poll', fine: 200, parts: (fields) => [`GET /c/a.1/events?format=json HTTP/1.1\r\n${HOST}${fields}\r\n`] },
];

/**
 * Tries it in each of the ways.
 *
 * @param isBehindEdge What is no HTTP for the edge, it refuses itself, in its own words.
 * @returns Changes that were accepted, as they should be.
 */
export async function tryRow(port: number, row: Row, isBehindEdge = false): Promise<number> {
  let accepted = 0;
  for (const { name, fine, parts } of ways) {
    const answer = await ask(port, parts(fieldsOf(row)));
    const expected = row.status === 204 ? fine : (row.status ?? 401);
    if (isBehindEdge && (expected === 400 || expected === 431)) {
      assert.match(answer, /^HTTP\/1\.1 4(00|31|94) |^$/, `${name}: ${answer}`);
      continue;
    }
    assert.match(answer, new RegExp(`^HTTP/1\\.1 ${expected} `), `${name}: ${answer}`);
    if (expected === 204) accepted++;
    if (row.code === undefined) continue;
    assert.match(answer, new RegExp(`"code":"${row.code}"`), `${name}: ${answer}`);
    assert.doesNotMatch(answer, /eyJ/, 'nothing of it is told');
    if (expected !== 401) continue;
    const challenge = row.code === 'unauthenticated' ? 'Bearer' : 'Bearer error="invalid_token"';
    assert.match(answer, new RegExp(`^www-authenticate: ${challenge}\\r$`, 'im'), `${name}: ${answer}`);
  }
  return accepted;
}

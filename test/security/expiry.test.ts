/** `exp` is one instant: streams are told before it and end with it, polls that wait are answered, and what comes later is not let in. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type LocalApp, startLocalApp } from '../support/app.ts';
import { ask } from '../support/ask.ts';
import { bearer, nowS, SECRET } from '../support/tokens.ts';

const grant = { publish: ['*'], subscribe: ['*'] };
/** Seconds that these tokens live: of them a third is left at the warning. */
const LIFE_S = 6;
/** By which a stream may outlive its token, and what a busy machine adds. */
const LATE_MS = 2_000 + 3_000;

/** The whole of a stream, and how long after `exp` it ended. */
async function whole(
  url: string,
  exp: number,
  headers: Record<string, string>,
): Promise<{ text: string; lateMs: number }> {
  const answer = await fetch(url, { headers });
  const text = await answer.text();
  return { text: `${answer.status}\n${text}`, lateMs: Date.now() - exp * 1000 };
}

describe('when a token expires', { concurrency: true }, () => {
  let server: LocalApp;
  before(async () => {
    server = await startLocalApp({ AUTH: 'jwt', JWT_SECRET: SECRET });
  });
  after(() => server[Symbol.asyncDispose]());

  for (const [format, expiring, expired] of [
    [
      'sse',
      /event: \$auth\ndata: \{"status":"expiring","expiresInS":[012]\}\n\n/,
      /retry: (\d+)\nevent: \$auth\ndata: \{"status":"expired"\}\n\n$/,
    ],
    [
      'ndjson',
      /\{"event":"\$auth","status":"expiring","expiresInS":[012]\}\n/,
      /"event":"\$auth".*"status":"expired".*\n$/,
    ],
  ] as const) {
    it(`a stream is told before, and ends (${format})`, async () => {
      const exp = nowS() + LIFE_S;
      const authorization = bearer(grant, { exp });
      const { text, lateMs } = await whole(`${server.url}/c/a.1/events?format=${format}`, exp, { authorization });
      assert.match(text, expiring);
      assert.match(text, expired);
      assert.equal(text.match(/\$auth/g)!.length, 2);
      assert.ok(lateMs >= 0 && lateMs < LATE_MS, `${lateMs} ms after exp`);
      const retryMs = Number(/retry: (\d+)\nevent: \$auth/.exec(text)?.[1] ?? 20_000);
      assert.ok(retryMs >= 15_000 && retryMs <= 40_000, `${retryMs}`);
    });
  }

  it('raw streams end', async () => {
    const exp = nowS() + LIFE_S;
    const { lateMs } = await whole(`${server.url}/c/a.1/events?format=raw`, exp, {
      authorization: bearer(grant, { exp }),
    });
    assert.ok(lateMs >= 0 && lateMs < LATE_MS, `${lateMs} ms after exp`);
  });

  it('a poll that waits is answered 401', async () => {
    const exp = nowS() + LIFE_S;
    const headers = { authorization: bearer(grant, { exp }) };
    const { text, lateMs } = await whole(`${server.url}/c/a.1/events?format=json&wait=25`, exp, headers);
    assert.match(text, /^401\n.*"code":"token_expired"/s);
    assert.ok(lateMs >= 0 && lateMs < LATE_MS, `${lateMs} ms after exp`);
  });

  it('a poll that has waited less is answered as ever', async () => {
    const exp = nowS() + 600;
    const headers = { authorization: bearer(grant, { exp }) };
    const { text } = await whole(`${server.url}/c/a.1/events?format=json&wait=1`, exp, headers);
    assert.match(text, /^200\n/);
  });

  it('changes and streams with it are not let in any more, though it was good a moment ago', async () => {
    // Long enough for four of them on a busy machine.
    const exp = nowS() + 10;
    const field = `Authorization: ${bearer(grant, { exp })}\r\n`;
    const [head, rest] = [`POST /c/b HTTP/1.1\r\nHost: 127.0.0.1\r\n${field}`, 'Content-Length: 1\r\n\r\nx'];
    const all = async () => [
      await ask(server.port, [head + rest]),
      await ask(server.port, [head, rest]),
      await ask(server.port, [`GET /c/b/events?format=json HTTP/1.1\r\nHost: 127.0.0.1\r\n${field}\r\n`]),
      await ask(server.port, [`GET /c/b/events HTTP/1.1\r\nHost: 127.0.0.1\r\n${field}\r\n`]),
    ];
    for (const answer of await all()) assert.match(answer, /^HTTP\/1\.1 20[04] /);
    const leftMs = exp * 1000 - Date.now();
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, leftMs) + 20));
    for (const answer of await all()) {
      assert.match(answer, /^HTTP\/1\.1 401 /);
      assert.match(answer, /"code":"token_expired"/);
    }
  });
});

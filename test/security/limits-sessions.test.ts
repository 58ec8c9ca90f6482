/**
 * Limits of sessions and tickets: how many one may ask for, that guesses at them are bad credentials, and that who comes by one is the same
 * `sub` as who comes by a token.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type LocalApp, startLocalApp } from '../support/app.ts';
import { ask } from '../support/ask.ts';
import { assertTooMany, from, posting, reading } from '../support/limits.ts';
import { openSse } from '../support/sse.ts';
import { bearer, SECRET } from '../support/tokens.ts';
import { waitFor } from '../support/wait.ts';

const granted = { publish: ['*'], subscribe: ['*'] };
const PER_MIN = 20;
const PAGE = 'Sec-Fetch-Site: same-origin\r\n';
const HOST = 'Host: 127.0.0.1\r\n';

const of = (sub: string) => `Authorization: ${bearer(granted, { sub })}\r\n`;
const asking = (method: string, path: string, fields: string) => [
  `${method} ${path} HTTP/1.1\r\n${HOST}${fields}Content-Length: 0\r\n\r\n`,
];
const guess = (n: number) => String(n).padStart(22, 'A');

describe('sessions and tickets', { concurrency: 8 }, () => {
  let server: LocalApp;
  before(async () => {
    server = await startLocalApp({
      ...{ AUTH: 'jwt', JWT_SECRET: SECRET, TRUST_PROXY: '127.0.0.1' },
      ...{ MAX_SESSIONS_PER_MIN_PER_SUB: '3', MAX_SESSIONS_PER_MIN_PER_ADDRESS: '5' },
      ...{ MAX_FAILED_CREDENTIALS_PER_MIN: String(PER_MIN), MAX_POSTS_PER_S_PER_SUB: '1', MAX_STREAMS_PER_SUB: '1' },
    });
  });
  after(() => server[Symbol.asyncDispose]());
  const tell = (parts: readonly string[]) => ask(server.port, parts);

  const cookieOf = (answer: string) => `Cookie: ${/^set-cookie: ([^;]+);/im.exec(answer)![1]}\r\n${PAGE}`;

  it('are so many a minute of one sub, both together', async () => {
    const mine = of('alice');
    for (const [i, path] of ['/session', '/tickets?channels=a', '/session'].entries()) {
      assert.match(await tell(asking('POST', path, mine + from(`192.0.2.${i}`))), / 20[14] /);
    }
    for (const path of ['/session', '/tickets?channels=a']) {
      assertTooMany(await tell(asking('POST', path, mine + from('192.0.2.9'))), 'too_many_sessions');
    }
    assert.match(await tell(asking('POST', '/session', of('bob') + from('192.0.2.9'))), / 204 /);
  });

  it('are so many a minute of one address, whoever asks, and those that are ended', async () => {
    const mine = from('198.51.100.1');
    for (let i = 0; i < 4; i++) assert.match(await tell(asking('POST', '/session', of(`u${i}`) + mine)), / 204 /);
    assert.match(await tell(asking('DELETE', '/session', mine)), / 204 /);
    assertTooMany(await tell(asking('POST', '/session', of('u9') + mine)), 'too_many_sessions');
    assertTooMany(await tell(asking('DELETE', '/session', mine)), 'too_many_sessions');
    assert.match(await tell(asking('POST', '/session', of('u9') + from('198.51.100.2'))), / 204 /);
  });

  for (const [what, doors] of [
    [
      'cookies',
      [
        (n: number) => posting(1, '/c/a', `Cookie: __Host-sc=${guess(n)}\r\n${PAGE}`),
        (n: number) => posting(2, '/c/a', `Cookie: __Host-sc=${guess(n)}\r\n${PAGE}`),
        (n: number) => reading('/c/a/events', `Cookie: __Host-sc=${guess(n)}\r\n${PAGE}`),
        (n: number) => reading('/c/a/events?format=json', `Cookie: __Host-sc=${guess(n)}\r\n${PAGE}`),
      ],
    ],
    ['tickets', [(n: number) => reading(`/c/a/events?ticket=${guess(n)}`)]],
  ] as const) {
    it(`of which ${what} are guessed are bad credentials, and after so many none is looked up`, async () => {
      const address = what === 'cookies' ? '203.0.113.1' : '203.0.113.2';
      const guessing = (n: number) => {
        const [head = '', ...rest] = doors[n % doors.length]!(n);
        return [head.replace(HOST, HOST + from(address)), ...rest];
      };
      let tried = 0;
      let n = 0;
      await waitFor(
        async () => {
          const answer = await tell(guessing(n++));
          if (/ 401 /.test(answer)) tried++;
          return / 429 .*"code":"too_many_failures"/s.test(answer);
        },
        { what: 'a 429' },
      );
      assert.ok(tried >= PER_MIN && tried <= PER_MIN + 8, `${tried}`);
    });
  }

  it('a session is the sub of its token: its changes and its streams are counted with those by that', async () => {
    const begun = await tell(asking('POST', '/session', of('carol') + from('203.0.113.3')));
    const cookie = cookieOf(begun);
    for (const count of [1, 2] as const) {
      let n = 0;
      await waitFor(
        async () => {
          const fields = n++ % 2 === 0 ? of('carol') : cookie;
          return / 429 .*"code":"too_many_changes"/s.test(await tell(posting(count, '/c/a', fields)));
        },
        { what: 'a 429' },
      );
    }
    await using held = await openSse(`${server.url}/c/a/events`, {
      headers: { authorization: bearer(granted, { sub: 'carol' }) },
    });
    assert.equal((await held.next()).event, '$sync');
    assertTooMany(await tell(reading('/c/a/events', cookie)), 'too_many_streams');
    const told = await tell(reading('/c/a/events', `${cookie}Accept: text/event-stream\r\n`));
    assert.match(told, /event: \$overloaded\ndata: \{"reason":"streams"\}/);
    const issued = await tell(asking('POST', '/tickets?channels=a', of('carol') + from('203.0.113.3')));
    const { ticket } = JSON.parse(/\{.*\}/.exec(issued)![0]) as { ticket: string };
    assertTooMany(await tell(reading(`/c/a/events?ticket=${ticket}`)), 'too_many_streams');
    held.close();
    await waitFor(async () => (await tell(reading(`/c/a/events?ticket=${ticket}`))).includes('$sync'), {
      what: 'room for the ticket',
    });
  });
});

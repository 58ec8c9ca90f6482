/** Sessions and tickets are not guessed: after so many that are none, an address is not listened to, before anybody is asked (P36, P37). */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { newId } from '../../src/access/sessions/session-key.ts';
import { type LocalApp, startLocalApp } from '../support/app.ts';
import { ask } from '../support/ask.ts';
import { from, posting, reading } from '../support/limits.ts';
import { signIn } from '../support/sessions.ts';
import { SECRET } from '../support/tokens.ts';

const PER_MIN = 20;
/** While it takes, some are forgotten again. */
const MORE = 10;

describe('guessing', { concurrency: true }, () => {
  let server: LocalApp;
  before(async () => {
    server = await startLocalApp({
      ...{ AUTH: 'jwt', JWT_SECRET: SECRET, TRUST_PROXY: '127.0.0.1' },
      MAX_FAILED_CREDENTIALS_PER_MIN: String(PER_MIN),
    });
  });
  after(() => server[Symbol.asyncDispose]());

  const cookie = (value: string) => `Cookie: ${value}\r\nSec-Fetch-Site: same-origin\r\n`;
  const guessed = () => cookie(`__Host-sc=${newId(0)}`);

  for (const [i, { what, parts }] of [
    { what: 'a session, by changes in one segment', parts: (f: string) => posting(1, '/c/a', f + guessed()) },
    { what: 'a session, by changes in two', parts: (f: string) => posting(2, '/c/a', f + guessed()) },
    { what: 'a session, by streams', parts: (f: string) => reading('/c/a/events', f + guessed()) },
    { what: 'what can be no session', parts: (f: string) => reading('/c/a/state', f + cookie('__Host-sc=x')) },
    { what: 'a ticket', parts: (f: string) => reading(`/c/a/events?ticket=${newId(1)}`, f) },
  ].entries()) {
    it(`${what}: 429 after ${PER_MIN}, for that address and for who is not known`, async () => {
      const grant = { publish: ['*'], subscribe: ['*'] };
      const known = await signIn(server.url, grant);
      const unknown = await signIn(server.url, grant);
      const own = (address: string, session: { cookie: string }) =>
        ask(server.port, posting(1, '/c/a', from(address) + cookie(session.cookie)));
      const address = `192.0.2.${10 + i}`;
      assert.match(await own(address, known), /^HTTP\/1\.1 204 /);
      const statuses: string[] = [];
      while (statuses.at(-1) !== '429' && statuses.length < PER_MIN + MORE) {
        statuses.push((await ask(server.port, parts(from(address)))).slice(9, 12));
      }
      assert.equal(statuses.at(-1), '429', statuses.join());
      assert.ok(
        statuses.length > PER_MIN && statuses.slice(0, -1).every((status) => status === '401'),
        statuses.join(),
      );
      assert.match(await own(address, known), /^HTTP\/1\.1 204 /);
      assert.match(await own(address, unknown), /^HTTP\/1\.1 429 /);
      assert.match(await own(`192.0.2.${100 + i}`, unknown), /^HTTP\/1\.1 204 /);
    });
  }
});

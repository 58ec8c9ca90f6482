/**
 * Thousands of streams or polls whose tokens are revoked, expire or are renewed in the same moment: each is told, and no turn of the event
 * loop is long, neither for those who end nor for those who are only looked at (P35, P36, P42).
 *
 * `STORMS=long` is as many as a process may hold with 20,000 descriptors.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { revoke } from '../support/revoking.ts';
import { signIn, signOut } from '../support/sessions.ts';
import { bearer, type Claims, nowS } from '../support/tokens.ts';
import { isLong } from './kit.ts';
import { type Crowd, type Ground, openGround } from './sign-outs.ts';

const COUNT = isLong ? 19_000 : 2_000;
/** Processor time. In `npm test` machines differ by a factor of five; without slices 19,000 took a second, and 2,000 a tenth. */
const TURN_MAX_MS = isLong ? 50 : 80;
/** Time to open all of them, at the least. */
const LIFE_MIN_S = 20;
/** As many times what those before took. */
const LIFE_FACTOR = 3;

const grant = { publish: ['*'], subscribe: ['*'] };
const each = (headOf: (i: number) => string) => Array.from({ length: COUNT }, (_, i) => headOf(i));
const withToken = (claims: Claims) => `Authorization: ${bearer(grant, claims)}`;

function streamWith(credential: string): string {
  return `GET /c/room/events HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n${credential}`;
}

function pollWith(credential: string): string {
  const path = '/c/room/events?wait=25';
  return `GET ${path} HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\nConnection: close\r\n${credential}`;
}

describe(`of ${COUNT} streams`, () => {
  let ground: Ground;
  before(async () => {
    ground = await openGround();
  });
  after(() => ground?.[Symbol.asyncDispose]());

  async function judge(t: TestContext, crowd: Crowd, what: string, count = COUNT): Promise<void> {
    const longestMs = await ground.told(crowd, what, count);
    t.diagnostic(`${count} ${what}, the longest turn ${longestMs.toFixed(1)} ms of CPU`);
    assert.ok(longestMs <= TURN_MAX_MS, `a turn of ${longestMs} ms`);
    assert.equal(crowd.told.get(what), count);
  }

  it('each of another, one is revoked by sub and one by jti', async (t) => {
    using crowd = await ground.open(
      each((i) => streamWith(withToken({ sub: `sub-${i}`, jti: `id-${i}` }))),
      '$sync',
    );
    await revoke(ground.url, { sub: 'sub-7' });
    await revoke(ground.url, { jti: 'id-8' });
    await judge(t, crowd, 'revoked', 2);
    assert.equal(crowd.gone, 2);
  });

  it('all of one sub, each with a token of its own, that one is revoked', async (t) => {
    using crowd = await ground.open(
      each((i) => streamWith(withToken({ sub: 'one', jti: `its-${i}` }))),
      '$sync',
    );
    await revoke(ground.url, { sub: 'one' });
    await judge(t, crowd, 'revoked');
  });

  it('all with one token, that is revoked', async (t) => {
    const head = streamWith(withToken({ sub: 'all', jti: 'all' }));
    using crowd = await ground.open(
      each(() => head),
      '$sync',
    );
    await revoke(ground.url, { jti: 'all' });
    await judge(t, crowd, 'revoked');
  });

  it('all of one session, that is renewed, and ends', async (t) => {
    const session = await signIn(ground.url, grant);
    const head = streamWith(`Cookie: ${session.cookie}\r\nSec-Fetch-Site: same-origin`);
    using crowd = await ground.open(
      each(() => head),
      '$sync',
    );
    await signIn(ground.url, grant, {}, session.cookie);
    await judge(t, crowd, 'renewed');
    await signOut(ground.url, session);
    await judge(t, crowd, 'revoked');
  });

  it('the tokens of all expire in the same second', async (t) => {
    const exp = nowS() + Math.ceil(LIFE_MIN_S + LIFE_FACTOR * ground.openedS);
    using crowd = await ground.open(
      each((i) => streamWith(withToken({ sub: `late-${i}`, exp }))),
      '$sync',
    );
    await sleep(exp * 1000 - Date.now());
    await judge(t, crowd, 'expired');
  });

  it('that are polls and wait, the sub is revoked', {
    skip: isLong && 'none waits for as long as opening takes',
  }, async (t) => {
    const head = pollWith(withToken({ sub: 'polls' }));
    using crowd = await ground.open(
      each(() => head),
      null,
    );
    await revoke(ground.url, { sub: 'polls' });
    await judge(t, crowd, 'token_revoked');
  });
});

/** `POST /admin/revoke` is there with `ADMIN_KEY` only, for who has it, where operators are; and does what it is asked for or nothing (P42). */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readConfig } from '../../src/config.ts';
import { type LocalApp, startLocalApp } from '../support/app.ts';
import { ADMIN_KEY, askToRevoke } from '../support/revoking.ts';
import { bearer, nowS, SECRET } from '../support/tokens.ts';

const jwt = { AUTH: 'jwt', JWT_SECRET: SECRET } as const;
const grant = { subscribe: ['*'], publish: ['*'] };

/** Of a token that is good until it is revoked. */
async function stateOf({ url }: LocalApp, claims: Record<string, unknown>): Promise<number> {
  return (await fetch(`${url}/c/a/state`, { headers: { authorization: bearer(grant, claims) } })).status;
}

async function codeOf(answer: Response): Promise<string> {
  return `${answer.status} ${((await answer.json()) as { code: string }).code}`;
}

describe('POST /admin/revoke', () => {
  it('is not there without ADMIN_KEY, nor where nobody has a token', async () => {
    for (const env of [jwt, { ADMIN_KEY }, { ADMIN_KEY, AUTH: 'anonymous' }]) {
      await using app = await startLocalApp(env);
      assert.equal((await askToRevoke(app.url, { sub: 'alice' })).status, 404, JSON.stringify(env));
    }
  });

  it('wants the key, all of it and nothing else', async () => {
    await using app = await startLocalApp({ ...jwt, ADMIN_KEY });
    const bad = [
      '',
      'Bearer',
      'Bearer ',
      ADMIN_KEY,
      `Basic ${ADMIN_KEY}`,
      `Bearer ${ADMIN_KEY.slice(0, -1)}`,
      `Bearer ${ADMIN_KEY}x`,
      `Bearer ${ADMIN_KEY} ${ADMIN_KEY}`,
      `Bearer ${SECRET}`,
      bearer({ ...grant, publish: ['*'] }),
    ];
    for (const authorization of bad) {
      const answer = await askToRevoke(app.url, { sub: 'alice' }, authorization);
      assert.equal(answer.headers.get('www-authenticate'), 'Bearer');
      assert.equal(await codeOf(answer), '401 unauthenticated');
    }
    const bare = await fetch(`${app.url}/admin/revoke`, { method: 'POST', body: '{"sub":"alice"}' });
    assert.equal(await codeOf(bare), '401 unauthenticated');
    assert.equal(await stateOf(app, { sub: 'alice' }), 200);
    assert.equal((await askToRevoke(app.url, { sub: 'alice' }, `bearer ${ADMIN_KEY}`)).status, 204);
    assert.equal(await stateOf(app, { sub: 'alice' }), 401);
    assert.ok(!JSON.stringify(app.logged).includes(ADMIN_KEY));
    // A token of somebody is no key, and the key is no token.
    const read = await fetch(`${app.url}/c/a/state`, { headers: { authorization: `Bearer ${ADMIN_KEY}` } });
    assert.equal(await codeOf(read), '401 invalid_token');
  });

  it('is on ADMIN_PORT where there is one, and there only', async () => {
    await using app = await startLocalApp({ ...jwt, ADMIN_KEY, ADMIN_PORT: '0' });
    assert.equal((await askToRevoke(app.url, { sub: 'alice' })).status, 404);
    assert.equal((await askToRevoke(`http://127.0.0.1:${app.app.adminPort}`, { sub: 'alice' })).status, 204);
    assert.equal(await stateOf(app, { sub: 'alice' }), 401);
  });

  it('on the port of the clients is nobody’s who comes through a proxy', async () => {
    await using app = await startLocalApp({ ...jwt, ADMIN_KEY });
    for (const name of ['x-forwarded-for', 'forwarded', 'via', 'x-real-ip']) {
      const headers = { authorization: `Bearer ${ADMIN_KEY}`, [name]: '192.0.2.1' };
      const answer = await fetch(`${app.url}/admin/revoke`, { method: 'POST', body: '{"sub":"alice"}', headers });
      assert.equal(answer.status, 404, name);
    }
    assert.equal(await stateOf(app, { sub: 'alice' }), 200);
  });

  it('refuses what is no wish, or one that would lock somebody out', async () => {
    await using app = await startLocalApp({ ...jwt, ADMIN_KEY });
    const bad: unknown[] = [
      ...['', '{', 'null', '[]', '"alice"', '7', '{}', 'sub=alice'],
      ...[
        { sub: '' },
        { sub: 7 },
        { sub: null },
        { sub: ['alice'] },
        { sub: 'x'.repeat(256) },
        { jti: '' },
        { jti: 7 },
      ],
      ...[
        { sub: 'alice', jti: 'one' },
        { sub: 'alice', all: true },
        { jti: 'one', issuedBefore: 1 },
      ],
      ...['x', null, 0, -1, nowS() + 3600, Date.now()].map((issuedBefore) => ({ sub: 'alice', issuedBefore })),
    ];
    for (const wish of bad) assert.equal(await codeOf(await askToRevoke(app.url, wish)), '400 bad_request', `${wish}`);
    const large = await askToRevoke(app.url, { sub: 'alice', more: 'x'.repeat(5_000) });
    assert.equal(large.status, 413);
    assert.equal(await stateOf(app, { sub: 'alice' }), 200);
    assert.equal((await askToRevoke(app.url, { sub: 'alice', issuedBefore: nowS() - 60 })).status, 204);
    assert.equal(await stateOf(app, { sub: 'alice' }), 200);
    assert.equal(await stateOf(app, { sub: 'alice', iat: nowS() - 61 }), 401);
  });

  it('needs a key that nobody guesses', () => {
    for (const key of ['x'.repeat(31), ` ${'x'.repeat(40)}`, 'short']) {
      const outcome = readConfig({ ...jwt, ADMIN_KEY: key });
      assert.ok(!outcome.ok && outcome.problems.some((problem) => problem.includes('ADMIN_KEY')), key);
      assert.ok(!outcome.problems.join().includes(key));
    }
  });
});

it('a token that lives for longer than revocations are kept is refused, however little of it is left', async () => {
  await using app = await startLocalApp({ ...jwt, TOKEN_MAX_LIFETIME_S: '3600' });
  assert.equal(await stateOf(app, { iat: nowS() - 1_000, exp: nowS() + 2_000 }), 200);
  assert.equal(await stateOf(app, { iat: nowS() - 7_200, exp: nowS() + 600 }), 401);
});

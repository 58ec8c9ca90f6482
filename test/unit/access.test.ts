/** Access by tokens, without a server around it: both ways of a request ask the same. */
import assert from 'node:assert/strict';
import { constants, hash, sign } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, describe, it } from 'node:test';
import type { Access, Principal } from '../../src/access/access.ts';
import { createAccess } from '../../src/access/create-access.ts';
import { readConfig } from '../../src/config.ts';
import type { Problem } from '../../src/errors.ts';
import { createLogger } from '../../src/log.ts';
import { AUDIENCE, bearer, claims, granting, nowS, pair, SECRET, type Signer, token } from '../support/tokens.ts';

const opened: Access[] = [];
const lines: string[] = [];

function open(env: Record<string, string>): { access: Access; pass: (ms: number) => void } {
  const outcome = readConfig({ AUTH: 'jwt', ...env });
  assert.ok(outcome.ok, outcome.ok ? '' : outcome.problems.join());
  let aheadMs = 0;
  const clock = { wallMs: () => Date.now() + aheadMs, elapsedMs: () => performance.now() + aheadMs };
  const log = createLogger({ logLevel: 'info' }, { write: (line: string) => void lines.push(line) });
  const access = createAccess(outcome.config, { clock, log });
  opened.push(access);
  const pass = (ms: number) => {
    aheadMs += ms;
  };
  return { access, pass };
}

/** What becomes of it by the bytes, where it is known, and by the fields. */
async function ask(access: Access, value: string, nowMs = Date.now()): Promise<(Principal | string)[]> {
  const chunk = Buffer.from(`xx${value}yy`, 'latin1');
  const byFields = async () => access.identify(['Host', 'x', 'authorization', value]);
  const known = await byFields().catch((error: Problem) => error.code);
  return [known, access.recall(chunk, 2, chunk.length - 2, nowMs) ?? 'unknown'];
}

describe('access by tokens', () => {
  after(() => {
    for (const access of opened) access.close();
  });

  it('is known again by bytes once it was verified, until exp', async () => {
    const { access, pass } = open({ JWT_SECRET: SECRET });
    const value = bearer({ publish: ['a'] }, { exp: nowS() + 60 });
    const chunk = Buffer.from(`xx${value}`);
    assert.equal(access.recall(chunk, 2, chunk.length, Date.now()), undefined);
    const [who, again] = await ask(access, value);
    assert.ok(typeof who === 'object' && who === again);
    assert.equal(who.identity.sub, 'alice');
    pass(60_000);
    assert.deepEqual(await ask(access, value, Date.now() + 60_000), ['token_expired', 'unknown']);
  });

  it('by many at once is verified once', async () => {
    const { access } = open({ JWT_SECRET: SECRET });
    const fields = ['Authorization', bearer({})];
    const [first, ...others] = await Promise.all(Array.from({ length: 20 }, () => access.identify(fields)));
    assert.ok(others.every((who) => who === first));
  });

  it('has the grants of the token, and its names', async () => {
    const { access } = open({ JWT_SECRET: SECRET });
    const grant = { publish: ['a.*'], subscribe: ['b'], history: ['c'], names: ['n'] };
    const who = await access.identify(['Authorization', bearer(grant)]);
    const codes = [
      ...[who.changeRefusal('a.1', 'alice.x'), who.changeRefusal('a.1', 'n.x'), who.changeRefusal('a.1', '')],
      ...[who.refusal('subscribe', ['b']), who.refusal('history', ['c']), who.refusal('publish', ['a.1'])],
      ...[who.changeRefusal('a.1', 'bob.x'), who.changeRefusal('b', 'alice.x'), who.refusal('subscribe', ['b', 'c'])],
      ...[who.refusal('subscribe', ['c', 'b']), who.refusal('history', ['b']), who.refusal('publish', ['a'])],
    ].map((refusal) => refusal?.code ?? 'may');
    assert.deepEqual(codes, [...Array(6).fill('may'), ...Array(6).fill('forbidden')]);
  });

  for (const [sub, name, more] of [
    ['alice', 'alice', {}],
    ['alice', 'al', { name: 'al' }],
    ['auth0|64f', 'UtI8CmqF9YPgKe4LkmNP0_', {}],
    ['23-characters-for-a-sub', '23-characters-for-a-sub', {}],
    ['bob@app.example', 'bob', { name: 'bob' }],
  ] as const) {
    it(`${sub} is called ${name} in a from`, async () => {
      const { access } = open({ JWT_SECRET: SECRET });
      const who = await access.identify(['Authorization', bearer({ publish: ['*'], ...more }, { sub })]);
      const refusal = who.changeRefusal('a', `${name}.n1`);
      if (sub.includes('|')) {
        const hashed = hash('sha256', `https://app.example\n${sub}`, 'base64url').slice(0, 22);
        assert.equal(who.changeRefusal('a', `${hashed}.n1`), undefined);
        assert.equal(refusal?.code, 'forbidden');
      } else assert.equal(refusal, undefined);
      assert.equal(who.changeRefusal('a', 'mallory.n1')?.code, 'forbidden');
    });
  }

  it('calls nobody like the hash of another, whatever sub one may choose', async () => {
    const { access } = open({ JWT_SECRET: SECRET });
    const nameOf = (sub: string) => hash('sha256', `https://app.example\n${sub}`, 'base64url').slice(0, 22);
    const shown = nameOf('alice@app.example');
    const mallory = await access.identify(['Authorization', bearer({ publish: ['*'] }, { sub: shown })]);
    assert.equal(mallory.changeRefusal('a', `${shown}.n1`)?.code, 'forbidden');
    assert.equal(mallory.changeRefusal('a', `${nameOf(shown)}.n1`), undefined);
  });

  it('asks nobody else when a token is bad, or none', async () => {
    const { access } = open({ JWT_SECRET: SECRET, AUTH_ANONYMOUS: '{"publish":["public.*"],"names":["guest"]}' });
    for (const [value, code] of [
      ['', 'unauthenticated'],
      ['Bearer', 'unauthenticated'],
      ['Bearer ', 'unauthenticated'],
      ['Basic x', 'invalid_token'],
      ['Bearer x', 'invalid_token'],
      [`Bearer ${token(claims({ exp: nowS() - 1 }))}`, 'token_expired'],
    ] as const) {
      assert.deepEqual(await ask(access, value), [code, 'unknown'], value);
    }
    const nobody = await access.identify(['Host', 'x']);
    assert.equal(nobody, access.recall(Buffer.alloc(0), 0, 0, 0));
    assert.equal(nobody.changeRefusal('public.1', 'guest.n1'), undefined);
    for (const refusal of [
      nobody.changeRefusal('public.1', 'alice.n1'),
      nobody.changeRefusal('private', ''),
      nobody.refusal('subscribe', ['public.1']),
    ]) {
      assert.equal(refusal?.code, 'unauthenticated');
    }
  });

  it('two credentials are none', async () => {
    const { access } = open({ JWT_SECRET: SECRET });
    const good = bearer({ publish: ['*'] });
    for (const other of [good, 'Basic x', '']) {
      for (const values of [
        [good, other],
        [other, good],
      ]) {
        const fields = values.flatMap((value) => ['AUTHORIZATION', value]);
        await assert.rejects(async () => access.identify(fields), { code: 'bad_request' });
      }
    }
  });

  it('a key is for its own algorithm', async () => {
    const key = pair('RS256');
    const { access } = open({ JWT_PUBLIC_KEY: key.pem });
    const who = await access.identify(['Authorization', `Bearer ${token(granting({}), key)}`]);
    assert.equal(who.identity.sub, 'alice');
  });

  it('and for no other of its kind, though its signature is good', async () => {
    const { generateKeyPairSync } = await import('node:crypto');
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const { access } = open({ JWT_PUBLIC_KEY: publicKey.export({ type: 'spki', format: 'pem' }) as string });
    const pss: Signer = {
      header: { alg: 'PS256', typ: 'JWT' },
      sign: (input) =>
        sign('sha256', Buffer.from(input), {
          key: privateKey,
          padding: constants.RSA_PKCS1_PSS_PADDING,
          saltLength: 32,
        }),
    };
    assert.deepEqual(await ask(access, `Bearer ${token(granting({}), pss)}`), ['invalid_token', 'unknown']);
  });

  it('a key that is withdrawn lets nobody in 300 s later, who was let in a moment before', async (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] });
    const [one, two] = [pair('ES256', 'one'), pair('ES256', 'two')];
    let keys = [one.jwk(), two.jwk()];
    const server = createServer((_request, response) => response.end(JSON.stringify({ keys })));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.after(() => {
      server.closeAllConnections();
      server.close();
    });
    const JWKS_URL = `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`;
    const { access, pass } = open({ JWKS_URL, JWT_AUDIENCE: AUDIENCE });
    const value = `Bearer ${token(granting({}), two)}`;
    const letIn = async () => (await ask(access, value)).map((who) => typeof who);
    assert.deepEqual(await letIn(), ['object', 'object']);
    keys = [one.jwk()];
    for (let i = 0; i < 7; i++) {
      pass(30_000);
      t.mock.timers.tick(30_000);
    }
    assert.deepEqual(await letIn(), ['object', 'object'], 'for 210 s it is not asked about');
    for (let i = 0; i < 3; i++) {
      pass(30_000);
      t.mock.timers.tick(30_000);
    }
    assert.deepEqual(await ask(access, value), ['invalid_token', 'unknown']);
  });

  it('says in the log why, once, with the issuer, and nothing of the token', async () => {
    const { access } = open({ JWT_SECRET: SECRET });
    lines.length = 0;
    for (let i = 0; i < 100; i++) await ask(access, `Bearer ${token(claims({ sub: '', jti: `${i}` }))}`);
    assert.equal(lines.length, 1);
    assert.match(lines[0]!, /"reason":"sub is not 1 to 255 visible characters".*"iss":"https:\/\/app\.example"/);
    assert.doesNotMatch(lines[0]!, /eyJ/);
  });
});

describe('without tokens', () => {
  it('nothing is looked at, and everybody may', async () => {
    const { anonymousAccess } = await import('../../src/access/anonymous.ts');
    const who = await anonymousAccess.identify(['Authorization', 'Bearer nonsense', 'Authorization', 'x']);
    assert.equal(who, anonymousAccess.recall(Buffer.from('xx'), 1, 2, 0));
    assert.equal(who.changeRefusal('a', 'alice.n1'), undefined);
    assert.equal(who.refusal('history', ['a']), undefined);
  });
});

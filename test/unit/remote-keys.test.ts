/** Keys of an identity provider: asked for seldom, within bounds, and what is known stays good while they cannot be had. */
import assert from 'node:assert/strict';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, beforeEach, describe, it } from 'node:test';
import { parseJwkSet } from '../../src/access/jwk-set.ts';
import { createRemoteKeys } from '../../src/access/remote-keys.ts';
import { createLogger } from '../../src/log.ts';
import { pair } from '../support/tokens.ts';

const [one, two] = [pair('ES256', 'one'), pair('ES256', 'two')];
const setOf = (...keys: readonly { jwk(): object }[]) => JSON.stringify({ keys: keys.map((key) => key.jwk()) });

let answer: (response: ServerResponse) => void;
let asked = 0;
const server = createServer((_request, response) => {
  asked++;
  answer(response);
});
const says = (text: string) => (response: ServerResponse) => void response.end(text);

describe('keys behind a URL', () => {
  before(() => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)));
  after(() => {
    server.closeAllConnections();
    server.close();
  });
  beforeEach(() => {
    asked = 0;
    answer = says(setOf(one));
  });

  function start() {
    let nowMs = 1_000;
    const lines: string[] = [];
    let changes = 0;
    const keys = createRemoteKeys({
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`,
      clock: { wallMs: () => 0, elapsedMs: () => nowMs },
      log: createLogger({ logLevel: 'info' }, { write: (line: string) => void lines.push(line) }),
      onChange: () => void changes++,
    });
    const pass = (ms: number) => {
      nowMs += ms;
    };
    return { keys, pass, lines, changes: () => changes };
  }

  it('are asked for once, by whoever comes first', async () => {
    const { keys } = start();
    const found = await Promise.all(Array.from({ length: 50 }, () => keys.find('ES256', 'one')));
    assert.ok(found.every((key) => key?.kid === 'one'));
    assert.equal(asked, 1);
    assert.ok(keys.goodForMs() === 240_000);
  });

  it('are asked for again by a name that is not known, once a minute', async () => {
    const { keys, pass } = start();
    await keys.find('ES256', 'one');
    for (let i = 0; i < 1_000; i++) {
      pass(10);
      assert.equal(await keys.find('ES256', `unknown-${i}`), undefined);
    }
    assert.equal(asked, 1);
    pass(60_000);
    answer = says(setOf(one, two));
    assert.equal((await keys.find('ES256', 'two'))?.kid, 'two');
    assert.equal(asked, 2);
  });

  it('are asked for again when they are old; one that is withdrawn verifies nothing', async () => {
    const { keys, pass, changes } = start();
    answer = says(setOf(one, two));
    assert.ok(await keys.find('ES256', 'two'));
    answer = says(setOf(one));
    pass(239_000);
    assert.ok(await keys.find('ES256', 'two'));
    assert.equal(changes(), 1);
    pass(1_000);
    assert.equal(await keys.find('ES256', 'two'), undefined);
    assert.equal(changes(), 2, 'and what was verified is forgotten');
  });

  for (const [what, way] of [
    ['500', (response) => void response.writeHead(500).end()],
    ['a redirect', (response) => void response.writeHead(302, { location: '/elsewhere' }).end()],
    ['no JSON', says('<html>')],
    ['no keys', says('{"keys":[]}')],
    ['another form', says('[1]')],
    [
      '100 MB',
      (response) => {
        const part = Buffer.alloc(1 << 16, ' ');
        let sent = 0;
        const more = () => {
          while (sent++ < 1600) if (!response.write(part)) return void response.once('drain', more);
          response.end();
        };
        more();
      },
    ],
    [
      'an end before its time',
      (response) => {
        response.writeHead(200, { 'content-length': '1000' }).write('{');
        response.destroy();
      },
    ],
    ['nothing', () => undefined],
  ] as const satisfies readonly (readonly [string, (response: ServerResponse) => void])[]) {
    it(`that answers ${what}: 503 without keys, and the old ones where there are some`, async () => {
      const without = start();
      answer = way;
      const startedMs = performance.now();
      await assert.rejects(without.keys.find('ES256', 'one'), { code: 'auth_unavailable' });
      await assert.rejects(without.keys.find('ES256', 'one'), { code: 'auth_unavailable' });
      assert.ok(performance.now() - startedMs < 15_000, 'within its time');
      assert.equal(asked, 1, 'and not asked at once again');
      answer = says(setOf(one));
      without.pass(5_000);
      assert.ok(await without.keys.find('ES256', 'one'), 'but soon');

      const { keys, pass, changes, lines } = start();
      assert.ok(await keys.find('ES256', 'one'));
      answer = way;
      pass(240_000);
      asked = 0;
      assert.ok(await keys.find('ES256', 'one'), 'the old one');
      assert.ok(keys.goodForMs() > 0, 'on which one may rely for a while');
      assert.equal(await keys.find('ES256', 'two'), undefined);
      assert.equal(asked, 1);
      assert.equal(changes(), 1);
      assert.equal(lines.length, 1, 'which is told once');
      assert.doesNotMatch(lines.join(), /127\.0\.0\.1/);
    });
  }
});

describe('a JWK Set', () => {
  it('gives the keys that can verify, each for its own algorithm', () => {
    const [rsa, ed] = [pair('RS256', 'r'), pair('EdDSA', 'e')];
    const { alg: _, ...unnamed } = rsa.jwk({ kid: 'u' }) as { alg?: string };
    const listed = [
      ...[one.jwk(), rsa.jwk(), ed.jwk(), unnamed, one.jwk({ kid: 'use', use: 'sig', key_ops: ['verify'] })],
      ...[one.jwk({ alg: 'RS256' }), one.jwk({ alg: 'ES384' }), rsa.jwk({ alg: 'PS256' }), rsa.jwk({ alg: 'none' })],
      ...[one.jwk({ use: 'enc' }), one.jwk({ key_ops: ['sign'] }), one.jwk({ key_ops: 'verify' }), one.jwk({ kid: 7 })],
      ...[{ kty: 'oct', k: 'AAAA', alg: 'HS256', kid: 'oct' }, { kty: '__proto__' }, { kty: 7 }, {}, null, 7, [], 'x'],
      ...[one.jwk({ x: 'AAAA' }), one.jwk({ crv: 'P-384' }), rsa.jwk({ n: 'AQAB' }), { kty: 'RSA' }],
    ];
    const keys = parseJwkSet(JSON.stringify({ keys: listed }))!;
    assert.deepEqual(
      keys.map(({ kid, alg }) => `${kid} ${alg}`),
      ['one ES256', 'r RS256', 'e EdDSA', 'u RS256', 'use ES256'],
    );
  });

  it('is an object with a list, and else none', () => {
    for (const text of ['', '{}', '[]', 'null', '7', '{"keys":{}}', '{"keys":null}'])
      assert.equal(parseJwkSet(text), undefined, text);
  });
});

/**
 * Bad credentials: an address that sends too many is not listened to any more, before anything of them is verified; all others are, and so is
 * who was verified a moment ago, wherever he is.
 */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { type LocalApp, startLocalApp } from '../support/app.ts';
import { ask } from '../support/ask.ts';
import { assertTooMany, from, posting, reading } from '../support/limits.ts';
import { AUDIENCE, bearer, hs256, nowS, pair, SECRET, token } from '../support/tokens.ts';
import { waitFor } from '../support/wait.ts';

const PER_MIN = 20;
const granted = { publish: ['*'], subscribe: ['*'] };
const auth = (value: string) => `Authorization: ${value}\r\n`;
let made = 0;
const bad = () => auth(`Bearer ${token({ sub: 'eve', jti: `${++made}` }, hs256('x'.repeat(32)))}`);
const good = (more = {}) => auth(bearer(granted, { jti: `${++made}`, ...more }));

const doors: readonly { readonly name: string; readonly ok: RegExp; parts(fields: string): readonly string[] }[] = [
  { name: 'POST in 1', ok: / 204 /, parts: (fields) => posting(1, '/c/a', fields) },
  { name: 'POST in 2', ok: / 204 /, parts: (fields) => posting(2, '/c/a', fields) },
  { name: 'SSE', ok: /\$sync/, parts: (fields) => reading('/c/a/events', fields) },
  { name: 'poll', ok: / 200 /, parts: (fields) => reading('/c/a/events?format=json', fields) },
  { name: 'state', ok: / 200 /, parts: (fields) => reading('/c/a/state', fields) },
  { name: 'history', ok: / 200 /, parts: (fields) => reading('/c/a/history', fields) },
];

describe('bad credentials', { concurrency: 8 }, () => {
  let server: LocalApp;
  before(async () => {
    server = await startLocalApp({
      ...{ AUTH: 'jwt', JWT_SECRET: SECRET, TRUST_PROXY: '127.0.0.1' },
      MAX_FAILED_CREDENTIALS_PER_MIN: String(PER_MIN),
    });
  });
  after(() => server[Symbol.asyncDispose]());
  const tell = (parts: readonly string[]) => ask(server.port, parts);

  /** Sends bad ones until none is listened to any more. @returns How many were. */
  async function spend(address: string): Promise<number> {
    let tried = 0;
    await waitFor(
      async () => {
        const answer = await tell(doors[tried % doors.length]!.parts(from(address) + bad()));
        if (/ 401 /.test(answer)) tried++;
        return / 429 /.test(answer);
      },
      { what: 'a 429' },
    );
    return tried;
  }

  for (const [i, { name, ok, parts }] of doors.entries()) {
    it(`after so many in a minute, none is tried at the door ${name}; who is known is let in`, async () => {
      const mine = from(`192.0.2.${i}`);
      const known = good();
      assert.match(await tell(parts(mine + known)), ok);
      const tried = await spend(`192.0.2.${i}`);
      // One comes back every three seconds.
      assert.ok(tried >= PER_MIN && tried <= PER_MIN + 8, `${tried}`);
      const unknown = good();
      const wrong = bad();
      for (const field of [unknown, wrong, auth('Basic YTpi'), auth('Bearer nonsense')]) {
        const answer = await tell(parts(mine + field));
        // Or one has come back meanwhile.
        if (/^HTTP\/1\.1 (204|200|401) /.test(answer)) await spend(`192.0.2.${i}`);
        else assertTooMany(answer, 'too_many_failures');
      }
      assert.match(await tell(parts(mine + known)), ok);
      assert.match(await tell(parts(from(`192.0.2.${100 + i}`) + good())), ok);
      // Who brings none has failed at nothing.
      assert.match(await tell(parts(mine)), / 401 .*"code":"unauthenticated"/s);
    });
  }

  it('are told to a bare EventSource so that it comes back', async () => {
    await spend('192.0.2.50');
    const sse = `${from('192.0.2.50')}Accept: text/event-stream\r\n`;
    const answer = await waitFor(
      async () => {
        const said = await tell(reading('/c/a/events', sse + bad()));
        return said.includes('$overloaded') ? said : '';
      },
      { what: '$overloaded' },
    );
    assert.match(answer, /^HTTP\/1\.1 200 /);
    assert.match(answer, /retry: \d{4,5}\nevent: \$overloaded\ndata: \{"reason":"credentials"\}\n\n/);
  });

  it('are not those that have only expired, however many phones wake up behind one address', async () => {
    const mine = from('192.0.2.60');
    for (let i = 0; i < 3 * PER_MIN; i++) {
      const answer = await tell(posting(((i % 2) + 1) as 1 | 2, '/c/a', mine + good({ exp: nowS() - 60 })));
      assert.match(answer, / 401 .*"code":"token_expired"/s);
    }
    assert.match(await tell(posting(1, '/c/a', mine + good())), / 204 /);
  });

  it('of fifty addresses at once keep nobody else waiting', async () => {
    const attackers = Array.from({ length: 50 }, (_, i) => `198.51.100.${i}`);
    let isOver = false;
    let asked = 0;
    const attack = attackers.map(async (address) => {
      while (!isOver) {
        await tell(posting(1, '/c/a', from(address) + bad()));
        asked++;
      }
    });
    const before = await metric('smallchange_problems_total{code="invalid_token"}');
    for (let round = 0; round < 10; round++) {
      for (const { parts, ok } of doors) assert.match(await tell(parts(from('203.0.113.1') + good())), ok);
    }
    await waitFor(() => asked > 3_000, { what: () => `the attack to be one: ${asked}` });
    for (const { parts, ok } of doors) assert.match(await tell(parts(from('203.0.113.1') + good())), ok);
    isOver = true;
    await Promise.all(attack);
    const verified = (await metric('smallchange_problems_total{code="invalid_token"}')) - before;
    assert.ok(verified < 50 * (PER_MIN + 20), `${verified} of ${asked} were looked at`);
    assert.ok((await metric('smallchange_limited_total{limit="failed_credentials"}')) > 0);
  });

  async function metric(series: string): Promise<number> {
    const text = await (await fetch(`${server.url}/metrics`)).text();
    const line = text.split('\n').find((each) => each.startsWith(`${series} `));
    return Number(line?.slice(series.length + 1) ?? 0);
  }

  it('of which 4 KiB are a token and 4 KiB cookies are read; above 16 KiB that is said in a sentence', async () => {
    const long = (bytes: number) => token({ pad: 'x'.repeat(bytes) }, hs256('x'.repeat(32))).slice(0, 4_096);
    const cookies = (bytes: number) => `Cookie: a=${'c'.repeat(bytes)}\r\n`;
    for (const segments of [1, 2] as const) {
      const fields = from('203.0.113.9') + auth(`Bearer ${long(4_000)}`);
      assert.match(await tell(posting(segments, '/c/a', fields + cookies(4_096))), / 401 /);
      const answer = await tell(posting(segments, '/c/a', fields + cookies(16_384)));
      assert.match(answer, /^HTTP\/1\.1 431 .*Path and header may have 16 KiB together/s);
    }
  });

  it('are in no line of the log', () => {
    assert.doesNotMatch(JSON.stringify(server.logged), /eyJ|nonsense/);
  });
});

describe('keys that do not come', () => {
  it('are asked for once, whoever waits for them is told 503 and not 401, and who is known waits for nobody', async () => {
    const key = pair('ES256', 'k1');
    const other = pair('ES256', 'k2');
    let asked = 0;
    let isSlow = false;
    const provider = createServer((_request, response) => {
      asked++;
      if (!isSlow) response.end(JSON.stringify({ keys: [key.jwk()] }));
    });
    provider.listen(0, '127.0.0.1');
    await new Promise((resolve) => provider.once('listening', resolve));
    const url = `http://127.0.0.1:${(provider.address() as AddressInfo).port}/`;
    try {
      await using server = await startLocalApp({ AUTH: 'jwt', JWKS_URL: url, JWT_AUDIENCE: AUDIENCE });
      const signed = (by: typeof key, jti: string) =>
        auth(`Bearer ${token({ sub: 'a', aud: AUDIENCE, jti, exp: nowS() + 600, smallchange: granted }, by)}`);
      const known = signed(key, 'known');
      assert.match(await ask(server.port, posting(1, '/c/a', known)), / 204 /);
      isSlow = true;
      await using late = await startLocalApp({ AUTH: 'jwt', JWKS_URL: url, JWT_AUDIENCE: AUDIENCE });
      await waitFor(() => asked === 2, { what: 'the keys to be asked for' });
      // The first has its keys, and has asked a moment ago: another key is no reason to ask again.
      assert.match(await ask(server.port, posting(1, '/c/a', signed(other, 'other'))), / 401 /);
      const waiting = Array.from({ length: 40 }, (_, i) =>
        ask(late.port, posting(((i % 2) + 1) as 1 | 2, '/c/a', signed(key, `late${i}`))),
      );
      assert.match(await ask(server.port, posting(2, '/c/a', known)), / 204 /);
      for (const answer of await Promise.all(waiting)) {
        assert.match(answer, /^HTTP\/1\.1 503 .*"code":"auth_unavailable"/s);
        assert.match(answer, /^retry-after: \d+\r$/im);
      }
      assert.equal(asked, 2);
    } finally {
      provider.closeAllConnections();
      provider.close();
    }
  });
});

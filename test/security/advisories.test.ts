/** Faults that other such systems have had, where no other file shows that ours has not (`README.md` has the list). */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { startLocalApp } from '../support/app.ts';
import { ask } from '../support/ask.ts';
import { posting, reading } from '../support/limits.ts';
import { Listening } from '../support/listening.ts';
import { projectRoot } from '../support/program.ts';
import { startRedis } from '../support/redis-server.ts';
import { OWN_PAGE, signIn } from '../support/sessions.ts';
import { bearer, SECRET } from '../support/tokens.ts';
import { waitFor } from '../support/wait.ts';

const HOST = 'Host: 127.0.0.1\r\n';
const grant = { publish: ['a.*'], subscribe: ['a.*'] };

it('A23 what comes by Redis for a session is data: rubbish is nobody’s session, and ends no server', async () => {
  await using redis = await startRedis();
  await using server = await startLocalApp({ AUTH: 'jwt', JWT_SECRET: SECRET, REDIS_URL: redis.url });
  const witness = await signIn(server.url, grant, { sub: 'witness' });
  const stream = await Listening.open(`${server.url}/c/a.1/events`, witness.headers);
  const victim = await signIn(server.url, grant, { sub: 'victim' });
  const issued = await fetch(`${server.url}/tickets?channels=a.1`, { method: 'POST', headers: victim.headers });
  const { ticket } = (await issued.json()) as { ticket: string };
  const keyEnding = async (id: string) =>
    (await redis.cli('KEYS', '*:a:p:*')).split('\n').filter((key) => key.endsWith(id.at(-1)!));
  const news = (await redis.cli('PUBSUB', 'SHARDCHANNELS')).split('\n').filter((name) => name.includes(':a:e:'));
  assert.ok(news.length > 0);
  for (const name of news) {
    for (const payload of [
      '',
      '__proto__',
      'constructor',
      '{"x":1}',
      'x'.repeat(100_000),
      '\u0000\uffff',
      'A'.repeat(22),
    ]) {
      await redis.cli('SPUBLISH', name, payload);
    }
  }
  const status = async (path: string, headers: Record<string, string>) =>
    (await fetch(server.url + path, { headers })).status;
  const original = new Map<string, string>();
  const own = [...(await keyEnding(victim.cookie)), ...(await keyEnding(ticket))].filter((key) => !/:u:/.test(key));
  for (const key of own) original.set(key, await redis.cli('GET', key));
  const [sessionKey] = [...original].find(([, text]) => text.includes('"stamp"') && text.includes('victim'))!;
  const [ticketKey] = [...original].find(([, text]) => text.includes('"holder"'))!;
  const record = JSON.parse(original.get(sessionKey)!) as Record<string, unknown>;
  const opened = JSON.parse(original.get(ticketKey)!) as Record<string, unknown>;
  const everything = { publish: ['*'], subscribe: ['*'], name: 'root' };
  const texts = [
    ...['', 'null', '[]', '1', '"x"', '{', `${'['.repeat(50_000)}`, '{"__proto__":{"sub":"root"}}'],
    ...[
      { stamp: 0 },
      { stamp: '1' },
      { stamp: 1e308 },
      { sub: 7 },
      { sub: '' },
      { expiresMs: null },
      { expiresMs: '9' },
    ].map((more) => JSON.stringify({ ...record, grant: everything, ...more })),
    ...[
      null,
      [],
      '*',
      { ...everything, publish: '*' },
      { ...everything, subscribe: ['a*'] },
      { ...everything, name: 7 },
    ].map((wrong) => JSON.stringify({ ...record, grant: wrong })),
    JSON.stringify(opened),
  ];
  for (const [i, text] of texts.entries()) {
    await redis.cli('SET', sessionKey, text);
    // By a server that has never seen it, and by the one that has.
    const fields = `Cookie: ${victim.cookie}\r\nSec-Fetch-Site: same-origin\r\n`;
    await redis.cli(
      'SPUBLISH',
      sessionKey.replace(/:a:p:.*/, `:a:e:${groupOf(victim.cookie)}`),
      sessionKey.split(':a:p:')[1]!,
    );
    await waitFor(async () => (await status('/c/a.1/state', victim.headers)) === 401, {
      what: `${i}: ${text.slice(0, 80)}`,
    });
    const changed = await ask(server.port, [`POST /c/b.1 HTTP/1.1\r\n${HOST}${fields}Content-Length: 1\r\n\r\nx`]);
    assert.match(changed, /^HTTP\/1\.1 401 /, text.slice(0, 80));
  }
  for (const text of [
    '',
    '[]',
    'null',
    JSON.stringify(record),
    JSON.stringify({ ...opened, channels: ['*'] }),
    JSON.stringify({ ...opened, channels: 'b.1', holder: 7 }),
  ]) {
    await redis.cli('SET', ticketKey, text);
    assert.equal(await status(`/c/a.1/events?ticket=${ticket}`, {}), 401, text);
  }
  assert.equal(stream.isOver, false, 'who has nothing to do with it stays');
  await fetch(`${server.url}/c/a.1`, {
    method: 'POST',
    body: 'still here',
    headers: { ...witness.headers, ...OWN_PAGE },
  });
  await waitFor(() => stream.text.includes('still here'), { what: 'the change' });
  stream.leave();
  assert.doesNotMatch(JSON.stringify(server.logged), /"level":"(error|fatal)"/);
  // Of another type it is no rubbish but a mistake of whoever runs it, which is said.
  await redis.cli('DEL', sessionKey);
  await redis.cli('RPUSH', sessionKey, 'x');
  assert.equal(await status('/c/a.1/state', victim.headers), 500);
  assert.equal(await status('/c/a.1/state', witness.headers), 200);
});

/** Of its 22 characters the last has the group. */
function groupOf(cookie: string): number {
  return 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'.indexOf(cookie.at(-1)!) % 16;
}

it('A25 nothing that a client says is ever a pattern of Redis', () => {
  const files = readdirSync(join(projectRoot, 'src'), { recursive: true, encoding: 'utf8' });
  const sources = files.filter((file) => /^(engine|access\/sessions)\/.*\.(ts|lua)$/.test(file));
  assert.ok(sources.some((file) => file.endsWith('.lua')));
  for (const file of sources) {
    const text = readFileSync(join(projectRoot, 'src', file), 'utf8');
    assert.doesNotMatch(
      text,
      /['"`](?:psubscribe|punsubscribe|keys|scan)['"`]\s*[,)]|\.(?:psubscribe|scanStream|keys)\(['"`]|['"`]match['"`]\s*,/i,
      file,
    );
  }
});

describe('A27 a setting that is empty', () => {
  for (const [what, env, starts] of [
    ['no key', { JWT_SECRET: '' }, false],
    ['a key of blanks', { JWT_SECRET: ' '.repeat(40) }, false],
    ['no public key', { JWT_SECRET: '', JWT_PUBLIC_KEY: '' }, false],
    ['no URL of keys', { JWT_SECRET: '', JWKS_URL: '' }, false],
    ['nothing for all, in an object', { AUTH_ANONYMOUS: '{}' }, true],
    ['nothing for all', { AUTH_ANONYMOUS: '' }, true],
    ['lists of nothing for all', { AUTH_ANONYMOUS: '{"publish":[],"subscribe":[]}' }, true],
    ['an empty name for all', { AUTH_ANONYMOUS: '{"subscribe":[""]}' }, false],
    ['a list for all', { AUTH_ANONYMOUS: '[]' }, false],
    ['null for all', { AUTH_ANONYMOUS: 'null' }, false],
    ['no origin', { CORS_ORIGINS: '' }, true],
    ['no proxy', { TRUST_PROXY: '' }, true],
    ['no host', { PUBLIC_HOSTS: '' }, true],
    ['no claim', { GRANT_CLAIM: '' }, true],
    ['no issuer, no audience', { JWT_ISSUER: '', JWT_AUDIENCE: '' }, true],
    ['no operator', { ADMIN_KEY: '' }, true],
  ] as const) {
    it(`grants nobody more: ${what}`, async () => {
      const starting = startLocalApp({ AUTH: 'jwt', JWT_SECRET: SECRET, ...env });
      if (!starts) return assert.rejects(starting);
      await using server = await starting;
      const without = bearer(undefined, { sub: 'x' });
      for (const [headers, status] of [
        [{}, 401],
        [{ authorization: without }, 403],
        [{ authorization: 'Bearer x' }, 401],
        [{ 'x-forwarded-for': '127.0.0.1' }, 401],
      ] as const) {
        const fields = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
        for (const parts of [
          posting(1, '/c/a.1', fields.join('')),
          posting(2, '/c/a.1', fields.join('')),
          reading('/c/a.1/events', fields.join('')),
          reading('/c/a.1/events?format=json', fields.join('')),
          reading('/c/a.1/state', fields.join('')),
        ]) {
          assert.match(await ask(server.port, parts), new RegExp(`^HTTP/1\\.1 ${status} `));
        }
      }
      const evil = await fetch(`${server.url}/c/a.1/state`, {
        headers: { authorization: bearer(grant), origin: 'https://evil.example' },
      });
      assert.equal(evil.headers.get('access-control-allow-origin'), null);
      await evil.body?.cancel();
    });
  }
});

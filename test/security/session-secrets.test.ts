/** What lets somebody in is in no line of the log, no metric, no answer but the one that gives it, and not in the store. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { startLocalApp } from '../support/app.ts';
import { ask } from '../support/ask.ts';
import { startRedis } from '../support/redis-server.ts';
import { signIn, signOut } from '../support/sessions.ts';
import { granting, SECRET, token } from '../support/tokens.ts';

it('ids, tickets and tokens are told to nobody', async () => {
  await using redis = await startRedis();
  const env = { AUTH: 'jwt', JWT_SECRET: SECRET, REDIS_URL: redis.url, LOG_LEVEL: 'trace' };
  await using server = await startLocalApp(env);
  const jwt = token(granting({ publish: ['*'], subscribe: ['*'] }));
  const bad = token(granting({}, { exp: 1 }));
  const session = await signIn(server.url, { publish: ['a'], subscribe: ['a'] });
  const issued = await fetch(`${server.url}/tickets?channels=a`, { method: 'POST', headers: session.headers });
  const { ticket } = (await issued.json()) as { ticket: string };
  const unknown = ['unknown-session-000000', 'unknown-ticket-1111111'] as const;
  const secrets = [jwt, bad, jwt.slice(-22), session.cookie.slice('__Host-sc='.length), ticket, ...unknown];

  const said: string[] = [];
  const own = 'Sec-Fetch-Site: same-origin\r\n';
  const foreign = 'Sec-Fetch-Site: cross-site\r\nOrigin: https://evil.example\r\n';
  const credentials = [
    `Authorization: Bearer ${jwt}\r\n`,
    `Authorization: Bearer ${bad}\r\n`,
    `Cookie: ${session.cookie}\r\n${own}`,
    `Cookie: ${session.cookie}\r\n${foreign}`,
    `Cookie: __Host-sc=${unknown[0]}\r\n${own}`,
    `Cookie: ${session.cookie}; ${session.cookie}\r\n${own}`,
    '',
  ];
  for (const credential of credentials) {
    const fields = `Host: 127.0.0.1\r\nConnection: close\r\n${credential}`;
    for (const target of ['/c/a/events', '/c/b/events', '/c/a/state', '/c/%zz', '/nowhere', '/c/a/history']) {
      for (const query of [`ticket=${ticket}`, `ticket=${unknown[1]}`, `ticket=${ticket}&ticket=${ticket}`]) {
        for (const accept of ['', 'Accept: text/event-stream\r\n']) {
          said.push(await ask(server.port, [`GET ${target}?${query} HTTP/1.1\r\n${accept}${fields}\r\n`]));
        }
      }
    }
    said.push(await ask(server.port, [`POST /c/a?ticket=${ticket} HTTP/1.1\r\n${fields}Content-Length: 1\r\n\r\nx`]));
    said.push(await ask(server.port, [`POST /tickets HTTP/1.1\r\n${fields}Content-Length: 0\r\n\r\n`]));
    said.push(await ask(server.port, [`BREW /session HTTP/1.1\r\n${fields}\r\n`]));
  }
  await signOut(server.url, session);
  const stored: string[] = [];
  for (const key of (await redis.cli('KEYS', '*')).split('\n')) {
    const type = (await redis.cli('TYPE', key)).trim();
    const read = { string: ['GET', key], hash: ['HGETALL', key], zset: ['ZRANGE', key, '0', '-1'] }[type];
    stored.push(key, read === undefined ? '' : await redis.cli(...read));
  }
  const places = {
    log: JSON.stringify(server.logged),
    metrics: await (await fetch(`${server.url}/metrics`)).text(),
    answers: said.join('\n'),
    store: stored.join('\n'),
  };
  assert.ok(server.logged.length > said.length / 2, `${server.logged.length} lines of ${said.length} requests`);
  assert.ok(places.store.includes(':a:'));
  for (const [place, text] of Object.entries(places)) {
    for (const secret of secrets) assert.ok(!text.includes(secret), `${secret} in ${place}`);
  }
});

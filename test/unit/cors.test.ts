/** CORS: which origins get headers, on which answers, and what a preflight is told. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Problem } from '../../src/errors.ts';
import { originRule } from '../../src/http/cors.ts';
import { type HttpApp, startHttpApp } from '../support/http-app.ts';

const LOCAL = 'http://localhost:3000';
const ALLOW = 'access-control-allow-origin';

describe('origins', () => {
  it('by default are those of this machine when only this machine can connect', () => {
    const isAllowed = originRule({ corsOrigins: null, loopbackOnly: true });
    for (const origin of [LOCAL, 'https://localhost', 'http://127.0.0.1:5173', 'http://[::1]:8080']) {
      assert.ok(isAllowed(origin), origin);
    }
    const strangers = [
      'http://localhost.evil.example',
      'http://evil.example',
      'null',
      'http://localhost:',
      'ftp://localhost',
    ];
    strangers.push('http://127.0.0.1.evil.example', 'http://localhost:80@evil.example', 'http://localhost/', '');
    for (const origin of strangers) assert.ok(!isAllowed(origin), origin);
  });

  it('by default are none otherwise', () => {
    assert.ok(!originRule({ corsOrigins: null, loopbackOnly: false })(LOCAL));
  });

  it('are compared exactly when they are listed', () => {
    const isAllowed = originRule({ corsOrigins: ['https://a.example'], loopbackOnly: true });
    assert.ok(isAllowed('https://a.example'));
    for (const origin of ['https://a.example:8443', 'http://a.example', 'https://b.a.example', LOCAL]) {
      assert.ok(!isAllowed(origin), origin);
    }
  });
});

function start(env: Record<string, string> = {}): Promise<HttpApp> {
  return startHttpApp((app) => {
    app.get('/fine', { config: { right: 'open' } }, (_request, reply) => reply.send('x'));
    app.post('/bad', { config: { right: 'open' } }, () => {
      throw new Problem('empty_change', 'The body is the change.');
    });
  }, env);
}

function ask({ url }: HttpApp, path: string, origin: string | undefined, init: RequestInit = {}): Promise<Response> {
  return fetch(url + path, { ...init, headers: { ...(init.headers as object), ...(origin ? { origin } : {}) } });
}

describe('answers', () => {
  it('carry the headers for an allowed origin, on errors too', async () => {
    await using http = await start();
    const answers = [
      await ask(http, '/fine', LOCAL),
      await ask(http, '/bad', LOCAL, { method: 'POST' }),
      await ask(http, '/nowhere', LOCAL),
      await ask(http, '/fine', LOCAL, { method: 'PUT' }),
      await ask(http, '/%zz', LOCAL),
      await ask(http, '/bad', LOCAL, { method: 'POST', body: 'x'.repeat(2000) }),
    ];
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 400, 404, 405, 400, 413],
    );
    for (const { headers, status } of answers) {
      assert.equal(headers.get(ALLOW), LOCAL, String(status));
      assert.equal(headers.get('vary'), 'Origin');
      assert.equal(headers.get('access-control-expose-headers'), 'Retry-After, ETag');
      assert.equal(headers.get('access-control-allow-credentials'), null);
    }
  });

  it('carry none without an origin or for another', async () => {
    await using http = await start();
    for (const origin of [undefined, 'https://evil.example']) {
      const { headers } = await ask(http, '/fine', origin);
      assert.equal(headers.get(ALLOW), null);
      assert.equal(headers.get('vary'), null);
    }
  });

  it('say * when everybody is allowed', async () => {
    await using http = await start({ CORS_ORIGINS: '*' });
    assert.equal((await ask(http, '/fine', 'https://any.example')).headers.get(ALLOW), '*');
  });
});

describe('a preflight', () => {
  const preflight = { method: 'OPTIONS', headers: { 'access-control-request-method': 'POST' } };

  it('is told what is allowed, for a day', async () => {
    await using http = await start();
    for (const path of ['/bad', '/nowhere']) {
      const { status, headers } = await ask(http, path, LOCAL, preflight);
      assert.equal(status, 204);
      assert.equal(headers.get(ALLOW), LOCAL);
      assert.equal(headers.get('access-control-allow-methods'), 'GET, POST, PUT');
      assert.equal(headers.get('access-control-max-age'), '86400');
      const fields = headers.get('access-control-allow-headers')!.split(', ');
      assert.deepEqual(fields, [
        ...['Last-Event-ID', 'Change-From', 'Change-Seq', 'Content-Type', 'Traceparent'],
        ...['Authorization', 'Cache-Control', 'X-Requested-With'],
      ]);
    }
  });

  it('of another origin is told nothing', async () => {
    await using http = await start();
    const { status, headers } = await ask(http, '/bad', 'https://evil.example', preflight);
    assert.equal(status, 204);
    assert.deepEqual(
      [...headers.keys()].filter((name) => name.startsWith('access-control')),
      [],
    );
  });

  it('is not what a plain OPTIONS is', async () => {
    await using http = await start();
    const known = await ask(http, '/bad', undefined, { method: 'OPTIONS' });
    assert.equal(known.status, 204);
    assert.equal(known.headers.get('allow'), 'POST');
    assert.equal((await ask(http, '/nowhere', undefined, { method: 'OPTIONS' })).status, 404);
  });
});

/** What the HTTP server does around the roles' routes: bodies, paths, limits, health, metrics, page, document. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { type IncomingMessage, type RequestOptions, request } from 'node:http';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { FastifyInstance } from 'fastify';
import { bundleApp } from '../../scripts/app-bundle.mjs';
import { adminRoutes } from '../../src/http/admin.ts';
import { healthRoutes } from '../../src/http/health.ts';
import { pageRoutes } from '../../src/http/page.ts';
import { parameter } from '../../src/http/query.ts';
import type { Metrics } from '../../src/metrics.ts';
import { type HttpApp, startHttpApp } from '../support/http-app.ts';

let isReady = true;

const load = () => ({ ready: true, streams: 1, polls: 1, maxStreams: 3 });

function routes(app: FastifyInstance, metrics: Metrics): void {
  const body = { type: 'object', required: ['never'], properties: { never: { type: 'integer' } } };
  app.route<{ Params: { channel: string } }>({
    method: ['POST', 'PUT'],
    url: '/c/:channel',
    config: { right: 'open' },
    schema: { body, querystring: body, summary: 'Send', response: { '4xx': { $ref: 'problem#', description: 'No' } } },
    handler: (request) => {
      const bytes = request.body as Buffer | undefined;
      return {
        name: request.params.channel,
        hex: bytes?.toString('hex') ?? null,
        seq: parameter(request, 'seq') ?? null,
      };
    },
  });
  app.get('/c/:channels/events', { config: { right: 'open' } }, (_request, reply) => reply.send('stream'));
  healthRoutes(app, [
    { name: 'engine', ready: () => isReady },
    { name: 'drain', ready: () => true },
  ]);
  adminRoutes(app, { metrics, load, localOnly: true });
  pageRoutes(app);
}

/** Node's client takes methods that `fetch` does not. */
function ask(http: HttpApp, options: RequestOptions, body?: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const asking = request({ port: http.port, host: '127.0.0.1', ...options }, (answer) => resolve(answer.resume()));
    asking.once('error', reject);
    asking.end(body);
  });
}

it('listens at one address of a name, so that none of its connections is served past the server', async () => {
  await using http = await startHttpApp(routes, { HOST: 'localhost' });
  assert.equal(http.app.addresses().length, 1);
});

describe('a body', () => {
  it('is raw bytes, whatever its content type', async () => {
    await using http = await startHttpApp(routes);
    const types = [
      'text/plain',
      'text',
      '',
      'application/json',
      'application/x-www-form-urlencoded',
      '/;=,',
      'multipart/form-data',
    ];
    for (const type of types) {
      const bytes = new Uint8Array([0, 255, 123]);
      const answer = await fetch(`${http.url}/c/a`, { method: 'POST', headers: { 'content-type': type }, body: bytes });
      assert.equal(answer.status, 200, type);
      assert.equal(((await answer.json()) as { hex: string }).hex, '00ff7b', type);
    }
    const untyped = await fetch(`${http.url}/c/a`, { method: 'PUT', body: new Uint8Array([7]) });
    assert.equal(((await untyped.json()) as { hex: string }).hex, '07');
  });

  it('may be absent', async () => {
    await using http = await startHttpApp(routes);
    const answer = await fetch(`${http.url}/c/a`, { method: 'POST' });
    assert.equal(((await answer.json()) as { hex: string | null }).hex, null);
  });

  it('is refused when it is coded', async () => {
    await using http = await startHttpApp(routes);
    const statusOf = async (coding: string) => {
      const init = { method: 'POST', headers: { 'content-encoding': coding }, body: 'x' };
      return (await fetch(`${http.url}/c/a`, init)).status;
    };
    for (const coding of ['gzip', 'br', 'identity, gzip', 'x']) assert.equal(await statusOf(coding), 415, coding);
    for (const coding of ['identity', 'Identity']) assert.equal(await statusOf(coding), 200, coding);
  });
});

describe('a query parameter', () => {
  it('is refused twice, and ignored when nobody asks for it', async () => {
    await using http = await startHttpApp(routes);
    const ask = (query: string) => fetch(`${http.url}/c/a?${query}`, { method: 'POST', body: 'x' });
    assert.equal((await ask('seq=1&seq=1')).status, 400);
    assert.equal(((await (await ask('seq=1&seq=2')).json()) as { code: string }).code, 'repeated_parameter');
    assert.equal(((await (await ask('x=1&x=2&seq=7')).json()) as { seq: string }).seq, '7');
    assert.equal(((await (await ask('__proto__=1&seq=%zz')).json()) as { seq: string }).seq, '%zz');
  });
});

describe('a path', () => {
  it('reaches its route with any name that fits into a request', async () => {
    await using http = await startHttpApp(routes);
    const name = 'a'.repeat(15_000);
    const answer = await fetch(`${http.url}/c/${name}`, { method: 'POST', body: 'x' });
    assert.equal(((await answer.json()) as { name: string }).name, name);
  });

  it('that is known under other methods is 405 with Allow', async () => {
    await using http = await startHttpApp(routes);
    const cases = [
      ['GET', '/c/a', 'POST, PUT'],
      ['DELETE', '/c/a?x=/events', 'POST, PUT'],
      ['DELETE', '/c/', 'POST, PUT'],
      ['POST', '/c/a,b/events', 'GET'],
      ['HEAD', '/c/a/events', 'GET'],
      ['POST', '/healthz', 'GET, HEAD'],
      ['PROPFIND', '/c/a', 'POST, PUT'],
    ] as const;
    for (const [method, path, allow] of cases) {
      const answer = await fetch(http.url + path, { method });
      assert.equal(answer.status, 405, `${method} ${path}`);
      assert.equal(answer.headers.get('allow'), allow, `${method} ${path}`);
    }
  });

  it('is 405 or 404 for QUERY too, with and without a body, and nobody has made a mistake', async () => {
    await using http = await startHttpApp(routes);
    for (const [path, status] of [
      ['/c/a', 405],
      ['/healthz', 405],
      ['/nope', 404],
    ] as const) {
      for (const body of [undefined, 'x']) {
        const { statusCode, headers } = await ask(http, { method: 'QUERY', path }, body);
        assert.equal(statusCode, status, path);
        assert.equal(headers.allow !== undefined, status === 405, path);
        assert.equal(headers['content-type'], 'application/problem+json');
      }
    }
    assert.deepEqual(
      http.logged.filter(({ level }) => level === 'error'),
      [],
    );
  });

  it('that is not known is 404', async () => {
    await using http = await startHttpApp(routes);
    for (const path of ['/c', '/c/a/', '/c/a/b', '/healthz/', '/C/a', '/favicon.ico', '/c/a/events/x']) {
      const answer = await fetch(http.url + path);
      assert.equal(answer.status, 404, path);
      assert.equal(((await answer.json()) as { code: string }).code, 'not_found');
    }
  });
});

describe('limits', () => {
  it('are set on the server itself', async () => {
    await using http = await startHttpApp(routes);
    const { server } = http.app;
    assert.equal(server.keepAliveTimeout, 75_000);
    assert.equal(server.headersTimeout, 10_000);
    assert.equal(server.requestTimeout, 15_000);
  });
});

describe('health', () => {
  it('lives', async () => {
    await using http = await startHttpApp(routes);
    const answer = await fetch(`${http.url}/healthz`);
    assert.equal(answer.status, 200);
    assert.deepEqual(await answer.json(), { status: 'ok' });
    assert.equal((await fetch(`${http.url}/healthz`, { method: 'HEAD' })).status, 200);
  });

  it('is ready when everybody is', async () => {
    await using http = await startHttpApp(routes);
    assert.equal((await fetch(`${http.url}/readyz`)).status, 200);
    isReady = false;
    const answer = await fetch(`${http.url}/readyz`);
    isReady = true;
    assert.equal(answer.status, 503);
    assert.deepEqual(await answer.json(), { ready: false, checks: { engine: false, drain: true } });
  });
});

describe('metrics', () => {
  it('are for direct callers on this machine', async () => {
    await using http = await startHttpApp(routes);
    const answer = await fetch(`${http.url}/metrics`);
    assert.equal(answer.status, 200);
    assert.match(await answer.text(), /^smallchange_streams 0$/m);
    for (const name of ['x-forwarded-for', 'forwarded', 'x-forwarded-host', 'x-real-ip', 'via']) {
      const forwarded = await fetch(`${http.url}/metrics`, { headers: { [name]: '127.0.0.1' } });
      assert.equal(forwarded.status, 404, name);
      assert.equal(((await forwarded.json()) as { code: string }).code, 'not_local');
    }
  });

  it('are not for a proxy that leaves no trace but the Host, nor a name that was made to point here', async () => {
    await using http = await startHttpApp(routes, { HOST: '0.0.0.0', AUTH: 'anonymous' });
    const statusOf = async (host: string) =>
      (await http.app.inject({ url: '/metrics', headers: { host }, remoteAddress: '127.0.0.1' })).statusCode;
    for (const host of ['app.example', 'localhost.evil.example', '127.0.0.1.evil.example']) {
      assert.equal(await statusOf(host), 404, host);
    }
    for (const host of ['localhost', 'LOCALHOST:80', '127.0.0.1:8080', '[::1]:8080'])
      assert.equal(await statusOf(host), 200, host);
  });

  it('are not for other machines', async () => {
    await using http = await startHttpApp(routes, { HOST: '0.0.0.0', AUTH: 'anonymous' });
    const from = async (remoteAddress: string) =>
      (await http.app.inject({ url: '/metrics', remoteAddress, headers: { host: 'localhost' } })).statusCode;
    assert.equal(await from('::ffff:127.0.0.1'), 200);
    for (const address of ['192.0.2.1', '::ffff:192.0.2.1', '2001:db8::1'])
      assert.equal(await from(address), 404, address);
    const own = Object.values(networkInterfaces())
      .flat()
      .find((address) => address?.family === 'IPv4' && !address.internal);
    if (own !== undefined) assert.equal((await fetch(`http://${own.address}:${http.port}/metrics`)).status, 404);
  });

  it('are for everybody who reaches a port of their own', async () => {
    await using http = await startHttpApp((app, metrics) => adminRoutes(app, { metrics, load, localOnly: false }));
    assert.equal((await fetch(`${http.url}/metrics`, { headers: { 'x-forwarded-for': '192.0.2.1' } })).status, 200);
  });

  it('tell how full it is', async () => {
    await using http = await startHttpApp(routes);
    assert.deepEqual(await (await fetch(`${http.url}/load`)).json(), { ...load(), load: 0.667 });
    assert.equal((await fetch(`${http.url}/load`, { headers: { 'x-forwarded-for': '192.0.2.1' } })).status, 404);
  });
});

describe('what is not for pages', () => {
  it('says so to pages of every origin, and everything says that it is what it is called', async () => {
    await using http = await startHttpApp(routes, { CORS_ORIGINS: '*' });
    const headers = { origin: 'http://evil.example' };
    for (const path of ['/metrics', '/load', '/healthz', '/readyz', '/openapi.json', '/', '/nope', '/c/%zz']) {
      const answer = await fetch(http.url + path, { headers });
      const mayRead = answer.headers.get('access-control-allow-origin');
      assert.equal(mayRead, path === '/metrics' || path === '/load' ? null : '*', path);
      assert.equal(answer.headers.get('x-content-type-options'), 'nosniff', path);
    }
    const refused = await fetch(`${http.url}/load`, { headers: { ...headers, via: '1.1 x' } });
    assert.deepEqual([refused.status, refused.headers.get('access-control-allow-origin')], [404, null]);
  });
});

describe('the page', () => {
  it('is allowed to run its own script and nothing else', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'smallchange-page-'));
    try {
      await bundleApp(folder);
      await using http = await startHttpApp((app) => pageRoutes(app, pathToFileURL(`${folder}/`)));
      const answer = await fetch(`${http.url}/`);
      assert.equal(answer.headers.get('content-type'), 'text/html; charset=utf-8');
      const policy = answer.headers.get('content-security-policy')!;
      const html = await answer.text();
      for (const tag of ['script', 'style']) {
        const sources = html.split(`<${tag}>`).slice(1);
        assert.equal(sources.length, 1);
        const source = sources[0]!.split(`</${tag}>`)[0]!;
        assert.ok(policy.includes(`${tag}-src 'sha256-${createHash('sha256').update(source).digest('base64')}'`));
      }
      assert.match(policy, /default-src 'none'/);
      assert.doesNotMatch(policy, /unsafe|\*/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('never makes markup of what it is sent', () => {
    const folder = new URL('../../src/web/app/', import.meta.url);
    for (const name of readdirSync(folder).filter((each) => each.endsWith('.ts'))) {
      const source = readFileSync(new URL(name, folder), 'utf8');
      assert.doesNotMatch(source, /innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(/, name);
    }
  });

  it('says so where nothing was built', async () => {
    await using http = await startHttpApp(routes);
    const answer = await fetch(`${http.url}/`);
    assert.equal(answer.status, 200);
    assert.match(answer.headers.get('content-security-policy')!, /script-src 'none'/);
    assert.match(await answer.text(), /npm run build/);
    assert.equal((await fetch(`${http.url}/app-worker.js`)).status, 404);
  });
});

describe('the document', () => {
  it('is made of the routes and what they say of themselves', async () => {
    await using http = await startHttpApp(routes);
    const document = (await (await fetch(`${http.url}/openapi.json`)).json()) as {
      openapi: string;
      paths: Record<string, Record<string, { summary?: string; responses: Record<string, unknown> }>>;
      components: { schemas: Record<string, unknown> };
    };
    assert.match(document.openapi, /^3\./);
    assert.deepEqual(
      new Set(Object.keys(document.paths)),
      new Set(['/c/{channel}', '/c/{channels}/events', '/healthz', '/readyz']),
    );
    assert.equal(document.paths['/c/{channel}']!.post!.summary, 'Send');
    assert.match(JSON.stringify(document.paths['/c/{channel}']!.post!.responses), /#\/components\/schemas\/problem/);
    assert.ok('problem' in document.components.schemas);
  });
});

/** What an edge says itself, a page of an origin that may read what servers say may read as well (P20, P26). */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { freePort } from '../../loadtest/fleet/port.ts';
import { createCertificate } from '../../proxy/certificate.ts';
import { type Chromium, startChromium } from '../support/chromium.ts';
import { type Edge, edges, startEdge } from '../support/edge.ts';
import { request } from '../support/http.ts';
import { startServer } from '../support/process.ts';
import { SECRET } from '../support/tokens.ts';
import { waitFor } from '../support/wait.ts';

const APP = 'https://app.example';
const OTHER = 'https://other.example';
const nobody = { url: 'http://127.0.0.1:1' };
const BODY_BYTES = 100;
const asEventSource = { Accept: 'text/event-stream' };
const preflight = {
  'Access-Control-Request-Method': 'POST',
  'Access-Control-Request-Headers': 'change-from,change-seq',
};

function corsTests(edge: Edge, page: () => Page): void {
  it('every answer of its own can be read by the origins that are set, and by no other', async () => {
    const servers = { buckets: [nobody], gateways: [nobody], bodyBytes: BODY_BYTES };
    for (const [corsOrigins, readers] of [
      [`${APP},https://second.example`, [APP]],
      ['*', [APP, OTHER]],
      ['', ['http://localhost:5173']],
      ['https://second.example', []],
    ] as const) {
      await using proxy = await startEdge(edge, { ...servers, corsOrigins });
      await using busy = await startEdge(edge, { ...servers, corsOrigins, requestsPerS: 1 });
      for (const origin of [APP, OTHER, 'http://localhost:5173', `${APP}.evil.example`]) {
        const ask = (path: string, init = {}, headers = {}) =>
          request(proxy.plainUrl, path, { ...init, headers: { Origin: origin, ...headers } });
        const often = await Promise.all(
          Array.from({ length: 8 }, () => request(busy.plainUrl, '/c/a/state', { headers: { Origin: origin } })),
        );
        const answers = [
          [200, await ask('/c/a/events', {}, asEventSource)],
          [503, await ask('/c/a/events')],
          [503, await ask('/c/a', { method: 'POST', body: 'x' })],
          [413, await ask('/c/a', { method: 'POST', body: 'x'.repeat(BODY_BYTES + 1) })],
          [404, await ask('/metrics')],
          [429, often.find(({ status }) => status === 429)!],
        ] as const;
        const isReader = corsOrigins === '*' || (readers as readonly string[]).includes(origin);
        for (const [status, answer] of answers) {
          const what = `${status} to ${origin} with "${corsOrigins}"`;
          assert.equal(answer.status, status, what);
          assert.equal(answer.headers['access-control-allow-origin'], isReader ? origin : undefined, what);
          const isNamed = isReader && corsOrigins !== '*';
          assert.equal(answer.headers['access-control-allow-credentials'], isNamed ? 'true' : undefined, what);
          if (!isReader) continue;
          assert.match(answer.headers['access-control-expose-headers']!, /retry-after/i, what);
          assert.equal(answer.headers.vary, 'Origin', what);
        }
        const asked = await ask('/c/a', { method: 'OPTIONS' }, preflight);
        assert.equal(asked.status, isReader ? 204 : 503, `a preflight of ${origin} with "${corsOrigins}"`);
        const isNamed = isReader && corsOrigins !== '*';
        assert.equal(asked.headers['access-control-allow-credentials'], isNamed ? 'true' : undefined);
      }
    }
  });

  it("a server's own answer goes on as it is", async () => {
    // With tokens there are sessions, and so more that a page may ask.
    await using server = await startServer({ env: { CORS_ORIGINS: APP, AUTH: 'jwt', JWT_SECRET: SECRET } });
    await using proxy = await startEdge(edge, {
      buckets: [server],
      gateways: [server],
      corsOrigins: `${APP},${OTHER}`,
    });
    for (const origin of [APP, OTHER]) {
      for (const path of ['/c/a/state', '/c/a/nowhere']) {
        const through = await request(proxy.plainUrl, path, { headers: { Origin: origin } });
        const direct = await request(server.url, path, { headers: { Origin: origin } });
        const fields = ['allow-origin', 'allow-credentials', 'expose-headers'].map((each) => `access-control-${each}`);
        for (const name of [...fields, 'vary']) {
          assert.equal(through.headers[name], direct.headers[name], `${name} of ${path} to ${origin}`);
        }
      }
    }
    const ask = (url: string) => request(url, '/c/a', { method: 'OPTIONS', headers: { Origin: APP, ...preflight } });
    const [through, direct] = [await ask(proxy.plainUrl), await ask(server.url)];
    for (const name of ['methods', 'headers', 'credentials'].map((each) => `access-control-allow-${each}`)) {
      assert.equal(through.headers[name], direct.headers[name], `${name}: the edge's list is older than a server's`);
    }
    assert.equal(through.headers['access-control-max-age'], direct.headers['access-control-max-age']);
  });

  it('full gateways: the polite refusal can be read too', async () => {
    await using server = await startServer({ env: { CORS_ORIGINS: APP, MAX_STREAMS: '1' } });
    await using proxy = await startEdge(edge, { buckets: [server], gateways: [server], corsOrigins: APP });
    const held = await fetch(`${proxy.plainUrl}/c/a/events`);
    const refused = await request(proxy.plainUrl, '/c/a/events', { headers: { Origin: APP, ...asEventSource } });
    assert.deepEqual([refused.status, refused.headers['x-overloaded']], [200, '1']);
    assert.equal(refused.headers['access-control-allow-origin'], APP);
    await held.body!.cancel();
  });

  it('in Chromium an EventSource of another origin outlives an edge without gateways, and its fetch sees every status', async () => {
    const port = await freePort();
    const { browser, origin } = page();
    const gateway = { url: `http://127.0.0.1:${port}` };
    const limits = { bodyBytes: BODY_BYTES, corsOrigins: origin };
    await using proxy = await startEdge(edge, { buckets: [nobody], gateways: [gateway], ...limits });
    await using busy = await startEdge(edge, { buckets: [nobody], gateways: [gateway], ...limits, requestsPerS: 1 });
    await browser.open(origin);
    await browser.evaluate(`
      globalThis.seen = [];
      const source = new EventSource('${proxy.plainUrl}/c/a/events');
      for (const type of ['$overloaded', '$sync']) source.addEventListener(type, () => seen.push(type));
      source.addEventListener('error', () => seen.push('error ' + source.readyState));
      undefined`);
    const seen = () => browser.evaluate<string[]>('seen');
    const until = (wanted: string) =>
      waitFor(async () => (await seen()).includes(wanted), {
        what: `${wanted} in the page`,
        timeoutMs: 30_000,
        everyMs: 50,
      });
    await until('$overloaded');
    const status = (url: string, init = '{}') =>
      browser.evaluate<string>(`fetch('${url}', ${init}).then((answer) =>
        answer.status + ' ' + (answer.headers.get('Retry-After') > 0), (error) => String(error))`);
    const change = (body: string, headers = '{}') => `{ method: 'POST', body: ${body}, headers: ${headers} }`;
    assert.equal(await status(`${proxy.plainUrl}/c/a`, change("'x'")), '503 true');
    const named = change("'x'", "{ 'Change-From': 'a.b', 'Change-Seq': '1' }");
    assert.equal(await status(`${proxy.plainUrl}/c/a`, named), '503 true', 'with a preflight');
    assert.equal(await status(`${proxy.plainUrl}/c/a`, change(`'x'.repeat(${BODY_BYTES + 1})`)), '413 false');
    const often = await Promise.all(Array.from({ length: 8 }, () => status(`${busy.plainUrl}/c/a`, named)));
    assert.ok(often.includes('429 true'), often.join());
    await using _server = await startServer({ env: { PORT: String(port), CORS_ORIGINS: origin } });
    await until('$sync');
    assert.ok(!(await seen()).includes('error 2'), 'it was never closed for ever');
    await browser.open('about:blank');
  });
}

interface Page {
  readonly browser: Chromium;
  readonly origin: string;
}

describe('pages of other origins', () => {
  const dir = mkdtempSync(join(tmpdir(), 'smallchange-certificate-'));
  let browser: Chromium;
  const server = createServer((_incoming, response) => response.end('a page'));
  before(async () => {
    browser = await startChromium({ certificate: createCertificate(dir).own });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  after(async () => {
    await browser?.[Symbol.asyncDispose]();
    server.closeAllConnections();
    server.close();
    rmSync(dir, { recursive: true, force: true });
  });
  for (const edge of edges) {
    describe(edge, () =>
      corsTests(edge, () => ({ browser, origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })),
    );
  }
});

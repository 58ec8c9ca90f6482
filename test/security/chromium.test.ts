/**
 * A real browser on the machine of the server: pages of another site, and one whose name was made to point here, can neither send
 * nor read, and cannot listen; pages of this machine and the server's own can (P29).
 *
 * And its own EventSource with a session: it is cut when the session expires, told so, and comes back by itself once another tab has
 * renewed it, with nothing missed (P36).
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { bytesOf, type Envelope } from '../contract/protocol/kit.ts';
import { type LocalApp, startLocalApp } from '../support/app.ts';
import { type Chromium, startChromium } from '../support/chromium.ts';
import { startEdge } from '../support/edge.ts';
import { request } from '../support/http.ts';
import { bearer, nowS, SECRET } from '../support/tokens.ts';
import { waitFor } from '../support/wait.ts';

const EVIL = 'evil.example';

/** Run in the page: all the ways in which a page sends a change without being asked, and what it sees of them. */
const send = (url: string) => `(async () => {
  const said = {};
  const note = (name, promise) => promise.then(
    ({ type, status }) => { said[name] = type === 'opaque' ? 'opaque' : String(status); },
    () => { said[name] = 'stopped'; });
  const path = '${url}';
  await note('no-cors', fetch(path, { method: 'POST', mode: 'no-cors', body: 'no-cors' }));
  await note('cors', fetch(path, { method: 'POST', body: 'cors' }));
  await note('PUT', fetch(path + '?from=page.nonce&seq=1', { method: 'PUT', body: 'PUT' }));
  said.beacon = String(navigator.sendBeacon(path, 'beacon'));
  const frame = Object.assign(document.createElement('iframe'), { name: 'target' });
  document.body.append(frame);
  const form = Object.assign(document.createElement('form'), { method: 'post', action: path, target: 'target', enctype: 'text/plain' });
  form.append(Object.assign(document.createElement('input'), { name: 'form', value: 'x' }));
  document.body.append(form);
  form.submit();
  return said;
})()`;

const read = (url: string) => `fetch('${url}/history').then(({ status }) => String(status), () => 'stopped')`;

const listen = (url: string) => `new Promise((resolve) => {
  const source = new EventSource('${url}/events');
  source.addEventListener('$sync', () => { source.close(); resolve('$sync'); });
  source.addEventListener('error', () => source.readyState === EventSource.CLOSED && resolve('closed'));
})`;

let browser: Chromium;
before(async () => {
  browser = await startChromium({ hosts: [EVIL] });
});
after(() => browser?.[Symbol.asyncDispose]());

describe('in a Chromium', () => {
  let server: LocalApp;
  let pages: Server;
  let pagePort: number;
  before(async () => {
    server = await startLocalApp();
    pages = createServer((_request, response) =>
      response.setHeader('content-type', 'text/html').end('<!doctype html>'),
    );
    pages.listen(0, '127.0.0.1');
    await once(pages, 'listening');
    pagePort = (pages.address() as AddressInfo).port;
  });
  after(async () => {
    await server?.[Symbol.asyncDispose]();
    pages?.close();
    pages?.closeAllConnections();
  });

  async function refusals(): Promise<number> {
    const text = (await request(server.url, '/metrics')).body.toString();
    return Number(/^smallchange_problems_total\{code="forged_request"\} (\d+)$/m.exec(text)?.[1] ?? 0);
  }

  async function merged(channel: string): Promise<string[]> {
    const page = (await request(server.url, `/c/${channel}/history`)).json<{ events: Envelope[] }>();
    return page.events.map((event) => bytesOf(event).toString().trim()).sort();
  }

  it('a page of another site sends nothing', async () => {
    await browser.open(`http://${EVIL}:${pagePort}/`);
    const before = await refusals();
    const url = `${server.url}/c/foreign`;
    const said = await browser.evaluate<Record<string, string>>(send(url));
    assert.deepEqual(said, { 'no-cors': 'opaque', cors: 'stopped', PUT: 'stopped', beacon: 'true' });
    // The PUT was stopped by its preflight.
    await waitFor(async () => (await refusals()) === before + 4, { what: 'four refusals' });
    assert.deepEqual(await merged('foreign'), []);
    assert.equal(await browser.evaluate(read(url)), 'stopped');
    assert.equal(await browser.evaluate(listen(url)), 'closed');
  });

  it('a page whose name was made to point here sends nothing, reads nothing and hears nothing', async () => {
    await request(server.url, '/c/rebound', { method: 'POST', body: 'secret' });
    await waitFor(async () => (await merged('rebound')).length === 1, { what: 'the secret' });
    await browser.open(`http://${EVIL}:${server.port}/`);
    const before = await refusals();
    const said = await browser.evaluate<Record<string, string>>(send('/c/rebound'));
    assert.deepEqual(said, { 'no-cors': '403', cors: '403', PUT: '403', beacon: 'true' });
    await waitFor(async () => (await refusals()) >= before + 5, { what: 'five refusals' });
    assert.deepEqual(await merged('rebound'), ['secret']);
    assert.equal(await browser.evaluate(read('/c/rebound')), '403');
    assert.equal(await browser.evaluate(listen('/c/rebound')), 'closed');
  });

  for (const [what, page] of [
    ['a page of this machine', () => `http://localhost:${pagePort}/`],
    ['a page of the server itself', () => `${server.url}/openapi.json`],
  ] as const) {
    it(`${what} sends, reads and hears`, async () => {
      const channel = what.replaceAll(' ', '-');
      await browser.open(page());
      const url = `${server.url}/c/${channel}`;
      const said = await browser.evaluate<Record<string, string>>(send(url));
      const seen = page().startsWith(server.url) ? '204' : 'opaque';
      assert.deepEqual(said, { 'no-cors': seen, cors: '204', PUT: '204', beacon: 'true' });
      await waitFor(async () => (await merged(channel)).length === 5, { what: 'all five' });
      assert.deepEqual(await merged(channel), ['PUT', 'beacon', 'cors', 'form=x', 'no-cors']);
      assert.equal(await browser.evaluate(read(url)), '200');
      assert.equal(await browser.evaluate(listen(url)), '$sync');
    });
  }
});

const grant = { publish: ['a'], subscribe: ['a'] };
/** From `$auth` `expired` to the events that were missed: `retry:` says 40 s at most. */
const BACK_MAX_MS = 45_000;
const PATIENCE_MS = 60_000;
/** Between two looks into the page: each is work for the browser. */
const LOOK_MS = 200;

const begin = (authorization: string) =>
  `fetch('/session', { method: 'POST', headers: { authorization: '${authorization}' } }).then(({ status }) => status)`;
const say = (text: string) => `fetch('/c/a', { method: 'POST', body: '${text}' }).then(({ status }) => status)`;
const listenAndNote = `(() => {
  window.seen = [];
  window.atMs = {};
  const note = (what) => {
    seen.push(what);
    atMs[what] ??= performance.now();
  };
  window.source = new EventSource('/c/a/events');
  source.onmessage = ({ data }) => note(data);
  for (const type of ['$auth', '$sync']) source.addEventListener(type, ({ data }) => note(type + ' ' + JSON.parse(data).status));
})()`;

it('a Chromium’s EventSource with a session that expires, and is renewed in another tab, directly and through both edges', async () => {
  await using server = await startLocalApp({ AUTH: 'jwt', JWT_SECRET: SECRET });
  const servers = { buckets: [server], gateways: [server] };
  await using haproxy = await startEdge('haproxy', servers);
  await using nginx = await startEdge('nginx', servers);
  // All of one host, and so with one cookie. Each way has a page, and a tab beside it.
  const urls = [server.url, haproxy.plainUrl, nginx.plainUrl];
  const other = await browser.newPage();
  await other.open(`${server.url}/`);
  const pages = [browser, await browser.newPage(), await browser.newPage()];
  for (const [i, page] of pages.entries()) await page.open(`${urls[i]}/`);
  const seen = (page: (typeof pages)[number]) => page.evaluate<string[]>('window.seen');
  const until = (what: string, isSo: (all: string[]) => boolean) =>
    Promise.all(
      pages.map((page, i) =>
        waitFor(async () => isSo(await seen(page)), {
          what: `${what} at ${urls[i]}`,
          everyMs: LOOK_MS,
          timeoutMs: PATIENCE_MS,
        }),
      ),
    );

  assert.equal(await browser.evaluate(say('nobody')), 401);
  assert.equal(await browser.evaluate(begin(bearer(grant, { exp: nowS() + 8 }))), 204);
  assert.equal(await browser.evaluate('document.cookie'), '');
  for (const page of pages) await page.evaluate(listenAndNote);
  await until('the stream', (all) => all.includes('$sync fresh'));
  assert.equal(await other.evaluate(say('first')), 204);
  await until('its end', (all) => all.includes('$auth expired'));
  assert.equal(await other.evaluate(say('without')), 401);

  assert.equal(await other.evaluate(begin(bearer(grant))), 204);
  assert.equal(await other.evaluate(say('second')), 204);
  await until('it to come back', (all) => all.includes('second'));
  assert.equal(await other.evaluate(say('third')), 204);
  await until('what comes then', (all) => all.includes('third'));
  for (const page of pages) {
    const all = await seen(page);
    assert.deepEqual(
      all.filter((each) => !each.startsWith('$auth unauthenticated')),
      ['$sync fresh', 'first', '$auth expiring', '$auth expired', '$sync resumed', 'second', 'third'].filter(
        (each) => each !== '$auth expiring' || all.includes(each),
      ),
    );
    const awayMs = await page.evaluate<number>(`atMs.second - atMs['$auth expired']`);
    assert.ok(awayMs <= BACK_MAX_MS, `back after ${awayMs} ms`);
  }

  assert.equal(await other.evaluate(`fetch('/session', { method: 'DELETE' }).then(({ status }) => status)`), 204);
  await until('the end', (all) => all.at(-1) === '$auth revoked');
  for (const page of pages) assert.equal(await page.evaluate(say('fourth')), 401);
});

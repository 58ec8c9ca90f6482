/**
 * A real browser on the machine of the server: pages of another site, and one whose name was made to point here, can neither send
 * nor read, and cannot listen; pages of this machine and the server's own can (P29).
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { bytesOf, type Envelope } from '../contract/protocol/kit.ts';
import { type Chromium, startChromium } from '../support/chromium.ts';
import { request } from '../support/http.ts';
import { type ServerProcess, startServer } from '../support/process.ts';
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

describe('in a Chromium', () => {
  let server: ServerProcess;
  let pages: Server;
  let pagePort: number;
  let browser: Chromium;
  before(async () => {
    server = await startServer();
    pages = createServer((_request, response) =>
      response.setHeader('content-type', 'text/html').end('<!doctype html>'),
    );
    pages.listen(0, '127.0.0.1');
    await once(pages, 'listening');
    pagePort = (pages.address() as AddressInfo).port;
    browser = await startChromium({ hosts: [EVIL] });
  });
  after(async () => {
    await browser?.[Symbol.asyncDispose]();
    await server?.stop();
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

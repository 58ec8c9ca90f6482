/**
 * Pages with the client in a real browser, over the DevTools protocol itself: a server behind a proxy that misbehaves, a site, and what
 * a test asks of its tabs. Playwright would keep the back/forward cache off and freeze nothing.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, afterEach, before } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { bundleClient } from '../../scripts/client-bundle.mjs';
import { type FaultProxy, startProxy } from '../faults/proxy.ts';
import { type Chromium, type Page, startChromium } from '../support/chromium.ts';
import { request } from '../support/http.ts';
import { type ServerProcess, startServer } from '../support/process.ts';
import { createRandom } from '../support/random.ts';
import { waitFor } from '../support/wait.ts';

const env = { HEARTBEAT_MS: '1000', MAX_CHANGE_BYTES: '262144', CORS_ORIGINS: '*' };
/** A name that is not this machine's own: over plain http, a page of it has neither locks nor hashes. */
export const LAN = 'lan.example';
const CLOSE_MAX_MS = 2_000;

/** As apps have them: offline it answers by itself, and not only for its own site. */
const SERVICE_WORKER = `
let isOffline = false;
addEventListener('install', () => skipWaiting());
addEventListener('activate', (event) => event.waitUntil(clients.claim()));
addEventListener('message', ({ data, ports }) => {
  isOffline = data;
  ports[0].postMessage('done');
});
addEventListener('fetch', (event) => {
  if (isOffline) event.respondWith(new Response('offline', { status: 503 }));
});`;

export interface Seen {
  readonly events: readonly string[];
  readonly state: string;
  readonly transport?: string;
  readonly reason?: string;
  readonly pending: number;
  readonly unhandled: readonly string[];
}

/** Run in the page, once. */
export const begin = (url: string, channel: string, options = '') => `(async () => {
  const { connect } = await import('/client.js');
  globalThis.unhandled = [];
  addEventListener('unhandledrejection', ({ reason }) => unhandled.push(String(reason)));
  globalThis.events = [];
  globalThis.connection = connect('${url}', { ${options} });
  ${channel && `connection.subscribe('${channel}', ({ data }) => events.push(data));`}
})()`;

export const look = `globalThis.connection ? { events, unhandled, ...connection.status, pending: connection.pending } : undefined`;

export const publish = (channel: string, ...changes: string[]) =>
  `for (const change of ${JSON.stringify(changes)}) connection.publish('${channel}', change); undefined`;

export const upTo = (last: number) => Array.from({ length: last }, (_, i) => String(i + 1));

/** Than the rest have. */
export interface Other {
  readonly site?: string;
  readonly url?: string;
  /** Run in the page before it has the client. */
  readonly before?: string;
  readonly isOffline?: boolean;
}

/** Begun before the tests of a suite and ended after them; the tabs of each test are closed. */
export function useBrowser() {
  let server: ServerProcess;
  let proxy: FaultProxy;
  let pages: Server;
  let browser: Chromium;
  let site: string;
  let url: string;
  const tabs: Page[] = [];
  let isPartThere = true;
  /** Set while the part is on its way: requests for it, by what answers them. */
  let waiting: (() => void)[] | undefined;
  before(async () => {
    server = await startServer({ env });
    proxy = await startProxy(() => [{ host: '127.0.0.1', port: server.port }], createRandom(1));
    url = `http://127.0.0.1:${proxy.port}`;
    const { outputFiles } = await bundleClient('out', false);
    const files = new Map<string, Uint8Array>(
      outputFiles.map(({ path, contents }) => [path.replace(/.*\//, '/'), contents]),
    );
    files.set('/worker.js', Buffer.from(SERVICE_WORKER));
    pages = createServer(({ url: path = '' }, response) => {
      const file = files.get(path);
      if (!isPartThere && path.startsWith('/client-'))
        return void response.writeHead(404, { 'cache-control': 'no-store' }).end();
      response.setHeader('content-type', file ? 'text/javascript' : 'text/html');
      const answer = () => response.end(file ?? '<!doctype html><title>page</title>');
      if (waiting && path.startsWith('/client-')) waiting.push(answer);
      else answer();
    });
    pages.listen(0, '127.0.0.1');
    await once(pages, 'listening');
    site = `http://localhost:${(pages.address() as AddressInfo).port}`;
    browser = await startChromium({ hosts: [LAN] });
  });
  after(async () => {
    await browser?.[Symbol.asyncDispose]();
    pages?.close();
    pages?.closeAllConnections();
    await proxy?.[Symbol.asyncDispose]();
    await server?.stop();
  });

  async function until(page: Page, what: string, condition: (seen: Seen) => boolean): Promise<Seen> {
    let last: Seen | undefined;
    return waitFor(
      async () => {
        last = await page.evaluate<Seen | undefined>(look);
        return last && condition(last) ? last : undefined;
      },
      { what: () => `${what}: ${JSON.stringify(last)}`, everyMs: 20 },
    );
  }

  /** For new requests; what is open goes on. */
  async function setOffline(page: Page, offline: boolean): Promise<void> {
    const speed = { latency: 0, downloadThroughput: -1, uploadThroughput: -1 };
    await page.command('Network.enable');
    await page.command('Network.emulateNetworkConditions', { offline, ...speed });
  }

  /** Keeps back what the client loads beside the rest. @returns Resolves once it was asked for, with what gives it. */
  function holdPart(): Promise<() => void> {
    const held: (() => void)[] = [];
    waiting = held;
    const give = () => {
      waiting = undefined;
      for (const answer of held) answer();
    };
    return waitFor(() => held[0] && give, { what: 'the part to be asked for' });
  }

  async function opened(channel: string, options = '', other: Other = {}): Promise<Page> {
    const page = await browser.newPage();
    tabs.push(page);
    await page.open(`${other.site ?? site}/`);
    if (other.before) await page.evaluate(`(async () => {${other.before}})()`);
    if (other.isOffline) await setOffline(page, true);
    await page.evaluate(begin(other.url ?? url, channel, options));
    if (channel) await until(page, 'open', ({ state }) => state === 'open');
    return page;
  }

  afterEach(async () => {
    proxy.set();
    isPartThere = true;
    waiting = undefined;
    const all = tabs.splice(0);
    const unhandled = await Promise.all(all.map(unhandledIn));
    for (const page of all) await close(page);
    assert.deepEqual(unhandled.flat(), [], 'promises that were rejected and that nobody looked at');
  });

  /** One that has crashed says nothing. */
  function unhandledIn(page: Page): Promise<string[]> {
    const said = page.evaluate<string[]>('globalThis.unhandled ?? []').catch(() => []);
    return Promise.race([said, sleep(CLOSE_MAX_MS, [], { ref: false })]);
  }

  /** It may be gone before it can say so; and one that has crashed says nothing. */
  async function close(page: Page): Promise<void> {
    const closed = page.command('Page.close').catch(() => undefined);
    await Promise.race([closed, sleep(CLOSE_MAX_MS, undefined, { ref: false })]);
  }

  async function merged(channel: string): Promise<string[]> {
    const page = (await request(server.url, `/c/${channel}/history?limit=500`)).json<{ events: { data: string }[] }>();
    return page.events.map(({ data }) => data);
  }

  async function untilMerged(channel: string, expected: readonly string[]): Promise<void> {
    await waitFor(async () => (await merged(channel)).length >= expected.length, { what: `${expected.length} events` });
    assert.deepEqual(await merged(channel), expected);
  }

  /** In its outbox: a moment after it was published. */
  async function untilWritten(page: Page, count: number): Promise<void> {
    const counted = `new Promise((resolve) => {
      indexedDB.open('smallchange').onsuccess = ({ target: { result } }) => {
        result.transaction('changes').objectStore('changes').count().onsuccess = ({ target }) => {
          result.close();
          resolve(target.result);
        };
      };
    })`;
    await waitFor(async () => (await page.evaluate<number>(counted)) === count, {
      what: `${count} changes to be written`,
    });
  }

  async function streams(): Promise<number> {
    return (await request(server.url, '/load')).json<{ streams: number }>().streams;
  }

  return {
    tabs,
    until,
    opened,
    setOffline,
    holdPart,
    close,
    merged,
    untilMerged,
    untilWritten,
    streams,
    /** Whether the site has what the client loads beside the rest. */
    setPart(isThere: boolean) {
      isPartThere = isThere;
    },
    /** Once they are there. */
    get at() {
      return { server, proxy, browser, site, url };
    },
  };
}

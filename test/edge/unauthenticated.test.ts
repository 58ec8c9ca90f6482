/**
 * A browser's own EventSource, which can bring no token: it is told so and stays, and it comes back by itself when `retry` says (P34), directly
 * and through both edges. By then the channel is one for everybody, and it hears what is sent.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { freePort } from '../../loadtest/fleet/port.ts';
import { type Chromium, startChromium } from '../support/chromium.ts';
import { type EdgeProcess, edges, startEdge } from '../support/edge.ts';
import { type ServerProcess, startServer } from '../support/process.ts';
import { bearer, SECRET } from '../support/tokens.ts';
import { waitFor } from '../support/wait.ts';

const CHANNEL = 'news';
/** What `retry` says at most (P34), the second or two until such a stream is closed, and a busy machine. */
const BACK_MS = 40_000 + 2_000 + 30_000;

interface Seen {
  readonly auth: readonly { readonly status: string }[];
  readonly syncs: number;
  readonly events: readonly string[];
  /** After each error: 0 it will come back, 2 it never will. */
  readonly states: readonly number[];
}

/** Run in the page: a stream by each way. */
const listen = (urls: readonly string[]) => `
  globalThis.seen = ${JSON.stringify(urls)}.map((url) => {
    const seen = { auth: [], syncs: 0, events: [], states: [] };
    const source = new EventSource(url);
    source.addEventListener('$auth', ({ data }) => seen.auth.push(JSON.parse(data)));
    source.addEventListener('$sync', () => { seen.syncs++; });
    source.addEventListener('message', ({ data }) => seen.events.push(data));
    source.addEventListener('error', () => seen.states.push(source.readyState));
    return seen;
  });
  undefined`;

describe('an EventSource without a token', () => {
  const ways = ['directly', ...edges];
  let port: string;
  let server: ServerProcess;
  let proxies: EdgeProcess[] = [];
  let browser: Chromium;

  /** On the same port each time, for the edges. */
  const start = (more: Record<string, string> = {}) =>
    startServer({ env: { PORT: port, AUTH: 'jwt', JWT_SECRET: SECRET, ...more } });
  const look = () => browser.evaluate<Seen[]>('seen');
  const until = (what: string, isSo: (seen: Seen) => boolean, timeoutMs?: number) => {
    let last: Seen[] = [];
    return waitFor(
      async () => {
        last = await look();
        return last.every(isSo) ? last : undefined;
      },
      { what: () => `${what}: ${JSON.stringify(last)}`, everyMs: 100, ...(timeoutMs !== undefined && { timeoutMs }) },
    );
  };

  before(async () => {
    port = String(await freePort());
    server = await start();
    for (const edge of edges) proxies.push(await startEdge(edge, { buckets: [server], gateways: [server] }));
    browser = await startChromium({});
  });
  after(async () => {
    await browser?.[Symbol.asyncDispose]();
    for (const proxy of proxies) await proxy.stop();
    proxies = [];
    await server?.stop();
  });

  it('is told so, comes back by itself, and hears what it may hear then', { timeout: 4 * BACK_MS }, async () => {
    const bases = [server.url, ...proxies.map(({ plainUrl }) => plainUrl)];
    await browser.open(`${server.url}/healthz`);
    await browser.evaluate(listen(bases.map((base) => `${base}/c/${CHANNEL}/events`)));
    await until('an $auth and its end', ({ auth, states }) => auth.length > 0 && states.length > 0);

    // It waits for seconds, so nobody comes while there is no server.
    await server.stop();
    server = await start({ AUTH_ANONYMOUS: JSON.stringify({ subscribe: [CHANNEL] }) });
    const seen = await until('all to be back', ({ syncs }) => syncs > 0, BACK_MS);
    for (const [i, { auth, states }] of seen.entries()) {
      assert.deepEqual(auth, [{ status: 'unauthenticated' }], ways[i]);
      assert.ok(
        states.every((state) => state === 0),
        `${ways[i]}: ${states}`,
      );
    }

    const headers = { authorization: bearer({ publish: [CHANNEL] }) };
    const { status } = await fetch(`${server.url}/c/${CHANNEL}`, { method: 'POST', body: 'hello', headers });
    assert.equal(status, 204);
    await until('the event', ({ events }) => events.join() === 'hello');
  });
});

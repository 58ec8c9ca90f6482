/** Places at both edges: streams take none from what is over soon, and when there is none left everybody is told so. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type ClientHttp2Session, connect as connectH2 } from 'node:http2';
import { after, before, describe, it } from 'node:test';
import { assertProblem, newChannel } from '../contract/protocol/kit.ts';
import { type Edge, type EdgeProcess, edges, startEdge } from '../support/edge.ts';
import { request } from '../support/http.ts';
import { type ServerProcess, startServer } from '../support/process.ts';
import { openSse, type SseReader } from '../support/sse.ts';
import { waitFor } from '../support/wait.ts';
import { ask, countOf } from './told.ts';

const CONNECTIONS = 100;
/** More than the share of what is over soon, 15 of 100, and less than that of streams. */
const STREAMS = 40;
/** As many as two edges and a half hold. */
const CLIENTS = 260;
/** It takes one second, for a place at a gateway is waited for; this is for a busy machine. Who is not answered waits for ever. */
const ANSWERED_MS = 15_000;

interface Listening {
  readonly session: ClientHttp2Session;
  readonly isRefused: boolean;
}

const browser = 'Accept: text/event-stream\r\n';
const curl = 'Accept: */*\r\n';
const listen = (accept: string) => `GET /c/${newChannel()}/events HTTP/1.1\r\nHost: localhost\r\n${accept}\r\n`;

/** For both edges: each has nothing left open when the other begins. */
let server: ServerProcess;
before(async () => {
  server = await startServer({ env: { DRAIN_MS: '0' } });
});
after(() => server?.stop());

function placesTests(edge: Edge): void {
  let proxy: EdgeProcess;
  before(async () => {
    proxy = await startEdge(edge, { buckets: [server], gateways: [server], connections: CONNECTIONS });
  });
  after(() => proxy?.stop());

  async function servesWhatIsOverSoon(): Promise<void> {
    // Who was refused may not have hung up yet.
    await waitFor(async () => (await request(proxy.plainUrl, '/healthz')).status === 200, {
      what: 'room for an answer',
    });
    for (const path of ['/c/a/state', '/c/a/history', '/c/a/events?format=json', '/healthz', '/']) {
      assert.equal((await request(proxy.plainUrl, path)).status, 200, path);
    }
    assert.equal((await request(proxy.plainUrl, '/c/a', { method: 'POST', body: 'x' })).status, 204);
  }
  const countsRequests = edge === 'nginx' && 'it counts requests and not connections';
  const isEmpty = async () => (await request(server.url, '/load')).json<{ streams: number }>().streams === 0;

  for (const [who, init, query] of [
    ['curl', {}, ''],
    ['NDJSON', { headers: { Accept: 'application/x-ndjson' } }, ''],
    ['long polls', {}, '?format=json&wait=25'],
  ] as const) {
    it(`${STREAMS} streams of ${who} take no place from what is over soon`, async () => {
      const opened: SseReader[] = [];
      const polls = new AbortController();
      const ends: Promise<unknown>[] = [];
      for (let i = 0; i < STREAMS; i++) {
        const url = `${proxy.plainUrl}/c/${newChannel()}/events${query}`;
        if (query !== '') ends.push(fetch(url, { signal: polls.signal }).catch(() => {}));
        else opened.push(await openSse(url, init));
      }
      assert.deepEqual([...new Set(opened.map(({ status }) => status))], query === '' ? [200] : []);
      await servesWhatIsOverSoon();
      polls.abort();
      for (const reader of opened) reader.close();
      await Promise.all(ends);
      await waitFor(isEmpty, { what: 'all to have left' });
    });
  }

  for (const [who, accept, refusal] of [
    ['browsers', browser, 'polite'],
    ['programs', curl, 'refused'],
  ] as const) {
    it(`${CLIENTS} ${who} at an edge for ${CONNECTIONS}: every one has an answer, and the probe stays green`, async (t) => {
      const all = await Promise.all(
        Array.from({ length: CLIENTS }, () => ask(proxy.plainUrl, listen(accept), ANSWERED_MS)),
      );
      const count = countOf(all);
      t.diagnostic(`${JSON.stringify(count)}, the last after ${Math.max(...all.map(({ ms }) => ms)).toFixed(0)} ms`);
      assert.equal(count.stream + count[refusal], CLIENTS, JSON.stringify(count));
      assert.ok(count.stream >= 0.7 * CONNECTIONS && count.stream <= CONNECTIONS, JSON.stringify(count));
      assert.equal((await request(proxy.healthUrl, '/healthz')).status, 200);
      assert.equal((await request(proxy.healthUrl, '/c/a/state')).status, 404, 'for nothing else');
      await servesWhatIsOverSoon();
      for (const { close } of all) close();
      await waitFor(isEmpty, { what: 'all to have left' });
    });
  }

  it('who is above the number of an address over HTTP/2 is told so, and does not stay', {
    skip: countsRequests,
  }, async () => {
    await using strict = await startEdge(edge, { buckets: [server], gateways: [server], connectionsPerIp: 1 });
    const ca = readFileSync(strict.certificate);
    const listening = async (): Promise<Listening> => {
      const session = connectH2(strict.tlsUrl, { ca });
      session.on('error', () => {});
      const stream = session.request({ ':path': `/c/${newChannel()}/events`, accept: 'text/event-stream' });
      const [headers] = (await once(stream, 'response')) as [{ 'x-overloaded'?: string }];
      stream.resume();
      return { session, isRefused: headers['x-overloaded'] === '1' };
    };
    const first = await listening();
    assert.equal(first.isRefused, false);
    const [second, third] = [await listening(), await listening()];
    assert.deepEqual([second.isRefused, third.isRefused], [true, true]);
    const askAgain = async ({ session }: Listening) => {
      if (session.closed || session.destroyed) return true;
      const question = session.request({ ':path': '/c/a/state' });
      question.on('error', () => {}).resume();
      return false;
    };
    await waitFor(() => askAgain(second), { what: 'its connection to end', timeoutMs: 15_000, everyMs: 200 });
    await waitFor(() => askAgain(third), { what: 'its connection to end', timeoutMs: 15_000, everyMs: 200 });
    assert.equal(first.session.closed, false);
    const fourth = await listening();
    assert.equal(fourth.isRefused, true);
    first.session.destroy();
    await waitFor(isEmpty, { what: 'the first to have left' });
    // HAProxy counts a connection for a moment longer than the server sees it.
    const isServed = async () => {
      const again = fourth.session.request({ ':path': '/c/a/state' });
      const [headers] = (await once(again, 'response')) as [{ ':status': number }];
      again.resume();
      return headers[':status'] === 200;
    };
    await waitFor(isServed, { what: 'its place', everyMs: 20 });
    fourth.session.destroy();
  });

  it('an address with all its connections: a browser is told politely, a program by 429, and nobody is cut', async () => {
    const limits = { connectionsPerIp: 20, connections: 1_000 };
    await using strict = await startEdge(edge, { buckets: [server], gateways: [server], ...limits });
    const held = await Promise.all(
      Array.from({ length: 20 }, () => ask(strict.plainUrl, listen(browser), ANSWERED_MS)),
    );
    assert.equal(countOf(held).stream, 20);
    const above = await Promise.all(
      Array.from({ length: 200 }, () => ask(strict.plainUrl, listen(browser), ANSWERED_MS)),
    );
    assert.equal(countOf(above).polite, 200, JSON.stringify(countOf(above)));
    const programs = await Promise.all(
      Array.from({ length: 20 }, () => ask(strict.plainUrl, listen(curl), ANSWERED_MS)),
    );
    assert.equal(countOf(programs).refused, 20, JSON.stringify(countOf(programs)));
    const change = await request(strict.plainUrl, '/c/a', { method: 'POST', body: 'x' });
    assertProblem(change, 429, 'too_many_requests');
    assert.match(change.headers['retry-after']!, /^[1-3]$/);
    held.pop()!.close();
    await waitFor(async () => (await request(strict.plainUrl, '/c/a', { method: 'POST', body: 'x' })).status === 204, {
      what: 'the place that became free',
    });
    for (const { close } of held) close();
    await waitFor(isEmpty, { what: 'all to have left' });
  });
}

for (const edge of edges) describe(`places at ${edge}`, () => placesTests(edge));

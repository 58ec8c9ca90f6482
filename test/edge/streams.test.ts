/** Streams through both edges: no byte is held back, silence ends none, and a full gateway sends nobody away for ever (P10, P20). */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { assertProblem, isEvent, newChannel } from '../contract/protocol/kit.ts';
import { type Edge, type EdgeProcess, edges, startEdge } from '../support/edge.ts';
import { request } from '../support/http.ts';
import { type ServerProcess, startServer } from '../support/process.ts';
import { openSse, type SseReader } from '../support/sse.ts';
import { waitFor } from '../support/wait.ts';

const browser = { headers: { Accept: 'text/event-stream' } };
/** How long a stream is left alone; 180,000 shows that none of an edge's time-outs applies to it. */
const IDLE_MS = Number(process.env.EDGE_IDLE_MS ?? 3_000);

const env = { HEARTBEAT_MS: '1000', DRAIN_MS: '0' };

/** Says one byte at a time, when it is told to. */
async function startTicker() {
  const open: ((text: string) => void)[] = [];
  const server = createServer((incoming, response) => {
    if (incoming.url === '/readyz') return response.end();
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    response.flushHeaders();
    open.push((text) => response.write(text));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    say: (text: string) => {
      for (const write of open) write(text);
    },
    stop() {
      server.closeAllConnections();
      server.close();
    },
  };
}

function bufferingTests(edge: Edge): void {
  it('each byte arrives when it was written', async () => {
    const ticker = await startTicker();
    await using proxy = await startEdge(edge, { buckets: [ticker], gateways: [ticker] });
    await using reader = await openSse(`${proxy.plainUrl}/c/room/events`, browser);
    const tookMs: number[] = [];
    for (let i = 1; i <= 50; i++) {
      const startedMs = performance.now();
      ticker.say(':');
      await waitFor(() => reader.bytes === i, { what: `byte ${i}`, everyMs: 1 });
      tookMs.push(performance.now() - startedMs);
    }
    ticker.stop();
    const median = tookMs.sort((a, b) => a - b)[25]!;
    // Nagle with a delayed acknowledgement would make it 40, a buffer for ever.
    assert.ok(median < 30, `${median} ms`);
  });
}

/** For both edges: each has nothing left open when the other begins. */
let small: ServerProcess;
let large: ServerProcess;
before(async () => {
  small = await startServer({ env: { MAX_STREAMS: '1', ...env } });
  large = await startServer({ env: { MAX_STREAMS: '3', ...env } });
});
after(async () => {
  await small?.stop();
  await large?.stop();
});

function streamTests(edge: Edge): void {
  let proxy: EdgeProcess;

  before(async () => {
    proxy = await startEdge(edge, { buckets: [small], gateways: [small, large], idleS: 2 });
  });
  after(() => proxy?.stop());

  it('P20: a gateway that is full has its streams opened at the other; when all are, everybody survives it', async () => {
    const url = `${proxy.plainUrl}/c/${newChannel()}/events`;
    const readers: SseReader[] = [];
    for (let i = 0; i < 4; i++) {
      const reader = await openSse(url, browser);
      assert.equal((await reader.next()).event, '$sync', `stream ${i + 1} of 4`);
      readers.push(reader);
    }
    const retries = new Set<number>();
    for (let i = 0; i < 6; i++) {
      await using refused = await openSse(url, browser);
      assert.deepEqual([refused.status, refused.headers['x-overloaded']], [200, '1']);
      assert.match(refused.headers['content-type']!, /^text\/event-stream/);
      const frame = await refused.next();
      assert.equal(frame.event, '$overloaded');
      assert.equal(frame.id, undefined, 'or it would lose its own');
      assert.ok(frame.retry! >= 1_000);
      retries.add(frame.retry!);
      await refused.ended;
    }
    assert.ok(retries.size > 1, 'not all are to come back together');
    for (const path of ['', '?strict=1', '?format=ndjson']) {
      const headers = path === '?strict=1' ? browser.headers : {};
      const answer = await request(url, `${new URL(url).pathname}${path}`, { headers });
      assertProblem(answer, 503);
      assert.match(answer.headers['retry-after']!, /^[1-9]\d*$/);
    }
    // An edge that asks again in vain has kept no place for it.
    readers.pop()!.close();
    await waitFor(
      async () => {
        const reader = await openSse(url, browser);
        const { event } = await reader.next();
        if (event === '$sync') readers.push(reader);
        else reader.close();
        return event === '$sync';
      },
      { what: 'the place that became free', everyMs: 50 },
    );
    for (const reader of readers) reader.close();
  });

  it(`a silent stream is not ended in ${IDLE_MS} ms, with heartbeats in half the edge's time-out`, async () => {
    const channel = newChannel();
    const reader = await waitFor(
      async () => {
        const opened = await openSse(`${proxy.plainUrl}/c/${channel}/events`, browser);
        if ((await opened.next()).event === '$sync') return opened;
        opened.close();
        return undefined;
      },
      { what: 'a place', everyMs: 50 },
    );
    await sleep(IDLE_MS);
    assert.equal(reader.isEnded, false);
    for (const { url } of [small, large]) await request(url, `/c/${channel}`, { method: 'POST', body: 'x' });
    assert.equal((await reader.next(isEvent)).data, 'x');
    reader.close();
  });

  it('P20: with no gateway left an EventSource gets a 200, everybody else a 503', async () => {
    await using alone = await startEdge(edge, { buckets: [large], gateways: [{ url: 'http://127.0.0.1:1' }] });
    await using polite = await openSse(`${alone.plainUrl}/c/room/events`, browser);
    assert.deepEqual([polite.status, polite.headers['x-overloaded']], [200, '1']);
    const frame = await polite.next();
    assert.equal(frame.event, '$overloaded');
    assert.ok(frame.retry! > 0);
    const refused = await request(alone.plainUrl, '/c/room/events');
    assertProblem(refused, 503);
    assert.match(refused.headers['retry-after']!, /^[1-3]$/);
  });
}

for (const edge of edges) {
  describe(`streams through ${edge}`, () => {
    bufferingTests(edge);
    streamTests(edge);
  });
}

/** Leaving and being sent away: a server that stops, and one that is full, lose no client and no event (P20, P22, P27). */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { EventSource } from 'eventsource';
import { assertProblem, isEvent, isNamed } from '../contract/protocol/kit.ts';
import { openLines } from '../contract/protocol/lines.ts';
import { startCutProxy } from '../support/cut-proxy.ts';
import { request } from '../support/http.ts';
import { startServer } from '../support/process.ts';
import { openSse } from '../support/sse.ts';
import { waitFor } from '../support/wait.ts';
import { startFleet } from './fleet.ts';

const run = promisify(execFile);
const polite = { Accept: 'text/event-stream' };

async function assertPolite(url: string, event: '$bye' | '$overloaded'): Promise<number> {
  const reader = await openSse(url, { headers: polite });
  assert.equal(reader.status, 200);
  assert.equal(reader.headers['x-overloaded'], '1');
  assert.match(reader.headers['content-type']!, /^text\/event-stream/);
  assert.equal(reader.headers['cache-control'], 'no-store, no-transform');
  await waitFor(() => reader.isEnded, { what: 'the end of a polite answer' });
  assert.deepEqual(
    reader.frames.map((frame) => frame.event),
    [event],
  );
  assert.ok(reader.frames[0]!.retry! > 0);
  assert.equal(reader.frames[0]!.id, undefined, 'or the client would lose its own');
  return reader.frames[0]!.retry!;
}

/** Whoever does not say that it is an EventSource, or says strict, gets what every other program understands. */
async function assertRefused(url: string, code: string): Promise<void> {
  const path = new URL(url).pathname;
  for (const [query, headers] of [
    ['', {}],
    ['', { accept: '*/*' }],
    ['?format=sse', {}],
    ['?format=ndjson', {}],
    ['', { accept: 'application/x-ndjson' }],
    ['?strict=1', { accept: 'text/event-stream' }],
  ] as const) {
    const answer = await request(url, `${path}${query}`, { headers });
    assertProblem(answer, 503, code);
    assert.match(answer.headers['retry-after']!, /^[1-9]\d*$/);
  }
  const { stdout } = await run('curl', ['-sN', '-o', '/dev/null', '-w', '%{http_code}', url]);
  assert.equal(stdout, '503');
}

describe('SIGTERM', () => {
  it('P22: says $bye to every stream over the window, refuses new ones, and ends with exit code 0', async () => {
    await using server = await startServer({ env: { DRAIN_MS: '1500' } });
    const url = `${server.url}/c/room/events`;
    // So many that the window is used.
    const readers = await Promise.all(Array.from({ length: 80 }, () => openSse(url)));
    const lines = await openLines(`${url}?format=ndjson`);
    await Promise.all(readers.map((reader) => reader.next(isNamed('$sync'))));
    const { cursor } = (await request(server.url, '/c/room/events?format=json')).json<{ cursor: string }>();
    const waiting = request(server.url, `/c/room/events?format=json&since=${cursor}&wait=25`);

    const started = performance.now();
    const stopped = server.stop();
    await waitFor(async () => (await request(server.url, '/readyz')).status === 503, { what: '/readyz to fail' });
    assert.equal((await request(server.url, '/healthz')).status, 200, 'it still lives');
    const refused = assertPolite(url, '$bye');
    await assertRefused(url, 'draining');
    assert.equal((await waiting).status, 503, 'who waits is told to come back');
    assert.equal((await request(server.url, '/c/room', { method: 'POST', body: 'late' })).status, 204);

    await refused;
    await Promise.all(readers.map((reader) => waitFor(() => reader.isEnded, { what: 'the end of each stream' })));
    const goodbyes = readers.map(({ frames }) => frames.at(-1)!);
    assert.ok(goodbyes.every(({ event, data }) => event === '$bye' && typeof JSON.parse(data!) === 'object'));
    assert.ok(goodbyes.every(({ id }) => id === undefined));
    const told = readers.filter(({ frames }) => frames.some(({ data }) => data === 'late'));
    assert.ok(told.length > 0, 'what is accepted meanwhile is merged, for those who are still there');
    const retries = new Set(goodbyes.map(({ retry }) => retry!));
    assert.ok(retries.size > 40 && Math.min(...retries) > 0, 'to each its own time');
    const lastLine = () => (JSON.parse(lines.lines.at(-1)!) as { event?: string }).event;
    await waitFor(() => lastLine() === '$bye', { what: 'a goodbye in lines' });
    assert.deepEqual(await stopped, { code: 0, signal: null });
    const tookMs = performance.now() - started;
    assert.ok(tookMs > 500 && tookMs < 5_000, `${tookMs} ms`);
  });

  it('P5: what was accepted before it is merged or kept, and POSTs under way get their answers', async () => {
    await using fleet = await startFleet({ roles: ['bucket,merger', 'gateway'] });
    const [sender, gateway] = [fleet.of('bucket,merger')[0]!, fleet.of('gateway')[0]!];
    const accepted: string[] = [];
    let i = 0;
    const lane = async () => {
      for (;;) {
        const text = String(i++);
        const status = await request(sender.url, '/c/room', { method: 'POST', body: text }).then(
          (answer) => answer.status,
          () => 0,
        );
        if (status === 204) accepted.push(text);
        if (status === 0) return;
      }
    };
    const lanes = Array.from({ length: 8 }, lane);
    await waitFor(() => accepted.length > 200, { what: 'a load' });
    assert.equal((await sender.stop()).code, 0);
    await Promise.all(lanes);
    await fleet.add('merger');
    const kept = new Set<string>();
    let since = 'earliest';
    await waitFor(
      async () => {
        const page = (await request(gateway.url, `/c/room/events?format=json&since=${since}`)).json<{
          cursor: string;
          status: string;
          events: { data: string }[];
        }>();
        assert.equal(page.status, 'resumed');
        for (const { data } of page.events) {
          assert.equal(kept.has(data), false, 'once');
          kept.add(data);
        }
        since = page.cursor;
        return accepted.every((text) => kept.has(text));
      },
      { what: () => `all ${accepted.length}; there are ${kept.size}` },
    );
  });

  it('P22: an EventSource goes on at another gateway, without loss', async () => {
    await using fleet = await startFleet({ roles: ['bucket,merger', 'gateway', 'gateway'], env: { DRAIN_MS: '200' } });
    const [first, second] = fleet.of('gateway');
    const sender = fleet.of('bucket,merger')[0]!;
    const send = async (body: string) => {
      assert.equal((await request(sender.url, '/c/room', { method: 'POST', body })).status, 204);
    };
    await using proxy = await startCutProxy(first!.url);
    const source = new EventSource(`${proxy.url}/c/room/events`);
    try {
      const seen: string[] = [];
      const byes: string[] = [];
      let synced = 0;
      source.addEventListener('$sync', () => synced++);
      source.addEventListener('$bye', ({ data }) => byes.push(data as string));
      source.addEventListener('message', ({ data }) => seen.push(data as string));
      await waitFor(() => synced === 1, { what: '$sync' });
      await send('a');
      await waitFor(() => seen.length === 1, { what: 'an event' });
      proxy.pointAt(second!.url);
      assert.equal((await first!.stop()).code, 0);
      await send('b');
      await waitFor(() => seen.length === 2, { what: 'what was missed', timeoutMs: 60_000 });
      assert.deepEqual([seen, byes.length, synced], [['a', 'b'], 1, 2]);
    } finally {
      source.close();
    }
  });

  it('a second one ends it at once', async () => {
    await using server = await startServer({ env: { DRAIN_MS: '60000' } });
    const readers = await Promise.all(Array.from({ length: 60 }, () => openSse(`${server.url}/c/room/events`)));
    await Promise.all(readers.map((reader) => reader.next()));
    process.kill(server.pid, 'SIGTERM');
    await waitFor(() => server.logged.some(({ msg }) => msg === 'stopping'), { what: 'it to begin' });
    process.kill(server.pid, 'SIGTERM');
    assert.equal((await server.exited).code, 1);
  });
});

describe('MAX_STREAMS', () => {
  it('P20: over it an EventSource is answered politely, others with 503, and there is room again', async () => {
    await using server = await startServer({ env: { MAX_STREAMS: '2' } });
    const url = `${server.url}/c/room/events`;
    const first = await openSse(url, { headers: polite });
    await using second = await openSse(url);
    await first.next();
    await second.next();
    const retries = new Set(await Promise.all(Array.from({ length: 10 }, () => assertPolite(url, '$overloaded'))));
    assert.ok(retries.size > 1, 'not all are to come back together');
    await assertRefused(url, 'overloaded');
    const retryAfters = new Set<string>();
    for (let i = 0; i < 40; i++) retryAfters.add((await request(url, '/c/room/events')).headers['retry-after']!);
    assert.ok(retryAfters.size > 1, 'P5: of its own for each answer');

    assert.equal((await request(server.url, '/c/room', { method: 'POST', body: 'x' })).status, 204, 'sending goes on');
    assert.equal((await second.next(isEvent)).data, 'x');
    assert.equal((await request(server.url, '/readyz')).status, 200);

    first.close();
    await waitFor(
      async () => {
        const reader = await openSse(url, { headers: polite });
        const { event } = await reader.next();
        reader.close();
        return event === '$sync';
      },
      { what: 'the place that became free' },
    );
  });

  it('P20: an EventSource that was sent away comes back by itself, from where it was', async () => {
    await using server = await startServer({ env: { MAX_STREAMS: '1' } });
    const url = `${server.url}/c/room/events`;
    const other = await openSse(url);
    await other.next();
    const source = new EventSource(url);
    try {
      const told: string[] = [];
      for (const type of ['$overloaded', '$sync', 'message']) source.addEventListener(type, () => told.push(type));
      await waitFor(() => told.length === 1, { what: '$overloaded' });
      other.close();
      await waitFor(() => told.includes('$sync'), { what: 'the way back', timeoutMs: 60_000 });
      assert.equal((await request(server.url, '/c/room', { method: 'POST', body: 'x' })).status, 204);
      await waitFor(() => told.includes('message'), { what: 'an event' });
      assert.equal(told[0], '$overloaded');
    } finally {
      source.close();
    }
  });
});

/** A polite refusal is told at once and ended later, so that who comes back at once does not come often (P20). */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { systemClock } from '../../src/clock.ts';
import { HOLD_MS } from '../../src/gateway/routes/held.ts';
import { startHttpGateway } from '../support/http-gateway.ts';
import { openSse, type SseReader } from '../support/sse.ts';
import { waitFor } from '../support/wait.ts';

const polite = { headers: { Accept: 'text/event-stream' } };
/** A quarter of the connections that are no streams. */
const HELD = 20;
const limits = { maxStreams: 0, maxConnections: 4 * HELD };

it('P20: a client that comes back at once, whatever retry: says, asks less than once a second', async () => {
  await using gateway = await startHttpGateway(limits);
  const url = `${gateway.http.url}/c/room/events`;
  const startedMs = performance.now();
  for (let asked = 1; asked <= 4; asked++) {
    const reader = await openSse(url, polite);
    assert.equal((await reader.next()).event, '$overloaded');
    assert.equal(reader.isEnded, false, 'it is told before it is over');
    await reader.ended;
    assert.ok(
      performance.now() - startedMs > asked * (HOLD_MS - 50),
      `${asked} in ${performance.now() - startedMs} ms`,
    );
  }
});

it('P20: so many are held; when more are refused the oldest end', async () => {
  let nowMs = 0;
  await using gateway = await startHttpGateway({ ...limits, clock: { ...systemClock, elapsedMs: () => nowMs } });
  const readers: SseReader[] = [];
  for (let i = 0; i < HELD + 5; i++) {
    const reader = await openSse(`${gateway.http.url}/c/room/events`, polite);
    await reader.next();
    readers.push(reader);
  }
  const ended = () => readers.filter(({ isEnded }) => isEnded);
  await waitFor(() => ended().length >= 5, { what: 'the end of the oldest' });
  assert.deepEqual(ended(), readers.slice(0, 5));
  nowMs += HOLD_MS;
  await waitFor(() => ended().length === readers.length, { what: 'the end of all' });
});

it('P20: none is held once the gateway is closed, nor where every connection may be a stream', async () => {
  // By a clock that stands nothing is ended but for another reason.
  const clock = { ...systemClock, elapsedMs: () => 0 };
  await using gateway = await startHttpGateway({ ...limits, clock });
  await using full = await startHttpGateway({ maxStreams: 0, maxConnections: 3, clock });
  const held = await openSse(`${gateway.http.url}/c/room/events`, polite);
  await held.next();
  gateway.gateway.close();
  await held.ended;
  for (const { http } of [gateway, full]) {
    const reader = await openSse(`${http.url}/c/room/events`, polite);
    assert.deepEqual([reader.status, reader.headers['x-overloaded']], [200, '1']);
    await reader.ended;
  }
});

/** Streams that are asked to come back for the fleet's sake (P22): those that are old, and those that others have room for. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isNamed } from '../contract/protocol/kit.ts';
import { request } from '../support/http.ts';
import { startServer } from '../support/process.ts';
import { startRedis } from '../support/redis-server.ts';
import { openSse } from '../support/sse.ts';
import { waitFor } from '../support/wait.ts';

const streamsOf = async ({ url }: { url: string }) => (await request(url, '/load')).json<{ streams: number }>().streams;

describe('an old stream', () => {
  it('is told $bye with the reason, and misses nothing when it comes back', async () => {
    await using server = await startServer({ env: { STREAM_MAX_AGE_MS: '1500', HEARTBEAT_MS: '200' } });
    const url = `${server.url}/c/room/events`;
    await using reader = await openSse(url);
    const sync = await reader.next(isNamed('$sync'));
    const began = performance.now();
    const bye = await reader.next(isNamed('$bye'));
    const age = performance.now() - began;
    assert.deepEqual(JSON.parse(bye.data!), { reason: 'age' });
    assert.ok(bye.retry! > 0);
    assert.ok(age > 1_200 && age < 3_000, `after ${age} ms`);
    await waitFor(() => reader.isEnded, { what: 'the end of the stream' });
    await request(server.url, '/c/room', { method: 'POST', body: 'x' });
    await using again = await openSse(url, { headers: { 'last-event-id': sync.id! } });
    assert.equal((await again.next((frame) => frame.data === 'x')).data, 'x');
    const metrics = String((await request(server.url, '/metrics')).body);
    assert.match(metrics, /smallchange_streams_ended_total\{reason="age"\} 1/);
  });
});

describe('a gateway with more than its share', () => {
  it('sends some away, a few at a time, until the difference is small; a single one never does', async () => {
    await using redis = await startRedis();
    const env = { REDIS_URL: redis.url, SPREAD_INTERVAL_MS: '100' };
    await using full = await startServer({ env: { ...env, ROLES: 'gateway' } });
    const readers = await Promise.all(Array.from({ length: 60 }, () => openSse(`${full.url}/c/room/events`)));
    await Promise.all(readers.map((reader) => reader.next(isNamed('$sync'))));
    assert.equal(await streamsOf(full), 60);
    await using empty = await startServer({ env: { ...env, ROLES: 'gateway' } });
    // Nobody comes back here: it stops where the excess over the mean of the two is below ten.
    await waitFor(async () => (await streamsOf(full)) < 20, {
      timeoutMs: 20_000,
      what: 'most of them to be sent away',
    });
    const left = readers.filter((reader) => reader.isEnded);
    for (const { frames } of left) assert.deepEqual(JSON.parse(frames.at(-1)!.data!), { reason: 'rebalance' });
    assert.equal((await full.stop()).code, 0);
    assert.equal((await empty.stop()).code, 0);
    for (const reader of readers) await reader[Symbol.asyncDispose]();
  });
});

/**
 * A storm of connects that come to nothing: none of them leaves a stream or a descriptor behind, and the streams that were
 * open, and those who publish to them, notice nothing.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { request } from '../support/http.ts';
import { startServer } from '../support/process.ts';
import { createRandom } from '../support/random.ts';
import { openSse, type SseReader } from '../support/sse.ts';
import { waitFor } from '../support/wait.ts';
import { abuses, commit } from './abuses.ts';
import { descriptorsOf, isLong, openStreams } from './kit.ts';

const CONNECTS = isLong ? 150_000 : 3_000;
/** At once: below the listen backlog, above what the server opens in a turn. */
const UNDERWAY = isLong ? 1000 : 400;
const WATCHERS = 10;
const PUBLISH_EVERY_MS = 10;
/** Node accepts one connection per turn: what waits in the listen queue after the storm takes its time. */
const SETTLE_MS = 90_000;

describe('a storm of connects', () => {
  it(`of ${CONNECTS} that are aborted, half-closed, reset or followed by garbage`, async (t) => {
    const random = createRandom(Number(process.env.SEED ?? Date.now() % 2 ** 32));
    t.diagnostic(`SEED=${random.seed}`);
    await using server = await startServer({ env: { CHANNEL_IDLE_S: '3600', HISTORY_MAX_EVENTS: '100000' } });
    const bare = descriptorsOf(server);
    const received: number[][] = Array.from({ length: WATCHERS }, () => []);
    const watchers: SseReader[] = [];
    for (const numbers of received) {
      const onFrame = ({ event, data }: { event: string; data: string | undefined }) => {
        if (event === 'message') numbers.push(Number(data));
        else assert.equal(event, '$sync');
      };
      watchers.push(await openSse(`${server.url}/c/watched/events`, { onFrame }));
    }
    await waitFor(async () => (await openStreams(server)) === WATCHERS, { what: 'the watchers to be open' });
    const before = descriptorsOf(server);

    const over = new AbortController();
    const published = publishUntil(over.signal, server.url);
    const kinds = Object.values(abuses);
    const startedMs = performance.now();
    let next = 0;
    const clients = Array.from({ length: UNDERWAY }, async () => {
      for (let i = next++; i < CONNECTS; i = next++) await commit(random.pick(kinds), server.port, i, random);
    });
    await Promise.all(clients);
    t.diagnostic(`${CONNECTS} connects in ${((performance.now() - startedMs) / 1000).toFixed(1)} s`);
    over.abort();
    const count = await published;

    // Asked on a new connection, which stands behind all of the storm's in the listen queue.
    await waitFor(async () => (await openStreams(server)) === WATCHERS, {
      timeoutMs: SETTLE_MS,
      everyMs: 100,
      what: 'the streams of the storm to be gone',
    });
    await waitFor(() => descriptorsOf(server) <= before, {
      timeoutMs: SETTLE_MS,
      everyMs: 100,
      what: () => `${descriptorsOf(server)} descriptors to be the ${before} from before`,
    });
    const all = Array.from({ length: count }, (_, i) => i);
    for (const [i, numbers] of received.entries()) {
      await waitFor(() => numbers.length >= count, { what: () => `${count} events, there are ${numbers.length}` });
      assert.deepEqual(numbers, all, `watcher ${i}`);
      assert.equal(watchers[i]!.isEnded, false);
    }

    for (const watcher of watchers) watcher.close();
    await waitFor(async () => (await openStreams(server)) === 0, { what: 'no stream' });
    await waitFor(() => descriptorsOf(server) <= bare, { timeoutMs: SETTLE_MS, what: 'the descriptors of the start' });
  });
});

/** 0, 1, 2 …, each after the answer to the one before. @returns How many. */
async function publishUntil(signal: AbortSignal, url: string): Promise<number> {
  let count = 0;
  while (!signal.aborted) {
    const { status } = await request(url, '/c/watched', { method: 'POST', body: String(count) });
    assert.equal(status, 204);
    count++;
    await sleep(PUBLISH_EVERY_MS);
  }
  return count;
}

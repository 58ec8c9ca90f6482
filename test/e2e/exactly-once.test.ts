/**
 * Once: thousands of changes of 50 publishers, each sent twice, are as many events, and every stream sees each of them once
 * and each publisher's in order (P6–P8, P15).
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Envelope } from '../contract/protocol/kit.ts';
import { type ServerEnv, type ServerProcess, startServer } from '../support/process.ts';
import { startRedis } from '../support/redis-server.ts';
import { SIZE } from '../support/size.ts';
import { openSse } from '../support/sse.ts';
import { waitFor } from '../support/wait.ts';
import { bodyOf, Ledger } from './ledger.ts';
import { createPublisher, type Publisher } from './publisher.ts';

const publishers = Array.from({ length: 50 }, (_, i) => `p${i}.k3f9`);
const channels = Array.from({ length: 10 }, (_, i) => `room-${i}`);
const lanes = publishers.flatMap((from) => channels.map((channel) => ({ from, channel })));
/** All of one channel, so that a reader which the machine gives no time is slow, not lost. */
const envFor = (changes: number): ServerEnv => ({ HISTORY_MAX_EVENTS: String(changes / channels.length) });

/** One publisher on one channel: each change twice, side by side or one after the other, never another in between. */
async function publish(
  publisher: Publisher,
  { from, channel }: (typeof lanes)[number],
  changes: number,
): Promise<void> {
  const last = changes / lanes.length;
  for (let seq = 1; seq <= last; seq++) {
    const submission = { channel, from, seq, body: bodyOf(seq) };
    const first = publisher.post(submission);
    if (seq % 2 === 0) assert.equal(await first, 204);
    const second = publisher.post(submission);
    assert.deepEqual([await first, await second], [204, 204]);
  }
  // Long after, and out of order: as a copy that was held up somewhere.
  for (const seq of [last, 1]) {
    assert.equal(await publisher.post({ channel, from, seq, body: bodyOf(seq) }), 204);
  }
}

/** An observer of all channels, on one stream or on one each. */
async function observe(server: ServerProcess, name: string, lists: readonly (readonly string[])[]) {
  const ledger = new Ledger(name);
  let failure: unknown;
  const readers = await Promise.all(
    lists.map((list) => {
      const onFrame = ({ event, data }: { event: string; data: string | undefined }) => {
        try {
          if (event === 'message' && data) ledger.take({ channel: list[0]!, ...(JSON.parse(data) as Envelope) });
          else if (event === '$sync') assert.equal(JSON.parse(data!).status, 'fresh', data);
        } catch (error) {
          failure ??= error;
        }
      };
      return openSse(`${server.url}/c/${list.join(',')}/events?with=from,seq`, { onFrame });
    }),
  );
  await waitFor(() => readers.every(({ bytes }) => bytes > 0), { what: '$sync' });
  return {
    ledger,
    check() {
      if (failure !== undefined) throw failure;
      assert.ok(
        readers.every(({ isEnded }) => !isEnded),
        'no stream has ended',
      );
    },
    close: () => readers.forEach((reader) => void reader.close()),
  };
}

async function exactlyOnce(server: ServerProcess, changes: number): Promise<void> {
  const apart = channels.map((channel) => [channel]);
  const observers = await Promise.all([
    observe(server, 'first', [channels]),
    observe(server, 'second', [channels]),
    observe(server, 'in reverse', [[...channels].reverse()]),
    observe(server, 'a stream a channel', apart),
    observe(server, 'another a channel', apart),
  ]);
  await using publisher = createPublisher(server.url);
  await Promise.all(lanes.map((lane) => publish(publisher, lane, changes)));
  await waitFor(
    () => {
      for (const observer of observers) observer.check();
      return observers.every(({ ledger }) => ledger.count >= changes);
    },
    { timeoutMs: 60_000, everyMs: 20, what: () => `all events; seen: ${observers.map(({ ledger }) => ledger.count)}` },
  );
  // What was merged twice would be behind what has been seen: another change on every channel brings it out.
  for (const channel of channels) {
    const last = { channel, from: 'last.1', seq: 1, body: bodyOf(1) };
    assert.equal(await publisher.post(last), 204);
  }
  await waitFor(() => observers.every(({ ledger }) => ledger.count >= changes + channels.length), { what: 'the end' });
  for (const observer of observers) {
    observer.check();
    observer.close();
    assert.equal(observer.ledger.count, changes + channels.length);
    for (const channel of channels) {
      assert.deepEqual(
        observer.ledger.order.get(channel),
        observers[0]!.ledger.order.get(channel),
        'one order for all',
      );
    }
  }
}

/** On Redis twice as many: ten, and twenty, of each publisher on each channel. */
const CHANGES = 5_000 * SIZE;

describe('changes that are sent twice are seen exactly once and in order', () => {
  it(`${CHANGES} in memory`, async () => {
    await using server = await startServer({ env: envFor(CHANGES) });
    await exactlyOnce(server, CHANGES);
  });

  it(`${2 * CHANGES} on Redis`, async () => {
    await using redis = await startRedis();
    await using server = await startServer({ env: { ...envFor(2 * CHANGES), REDIS_URL: redis.url } });
    await exactlyOnce(server, 2 * CHANGES);
  });
});

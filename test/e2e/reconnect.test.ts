/**
 * Coming back: while hundreds of changes a second arrive, readers lose their connections at random bytes and come back
 * with what they have. Each sees everything, once, in the order everybody sees (P13–P15).
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startServer } from '../support/process.ts';
import { createRandom } from '../support/random.ts';
import { SIZE } from '../support/size.ts';
import { waitFor } from '../support/wait.ts';
import { startFleet } from './fleet.ts';
import { follow } from './follower.ts';
import { bodyOf, Ledger } from './ledger.ts';
import { createPublisher } from './publisher.ts';

const READERS = 20;
const RECONNECTS = 100 * SIZE;
const CHANGES_PER_SECOND = 250;
const publishers = ['ann.1', 'bob.1', 'cyd.1', 'dan.1', 'eve.1'];
const channels = ['one', 'two', 'three'];
/** A `$sync` has some 200 bytes, an event some 60: cuts before, in and after the first frame, and far behind it. */
const CUT_MAX_BYTES = 2_500;
/** All that comes in a test, so that nothing is too old to come back for. */
const env = { HISTORY_MAX_EVENTS: '50000' };

interface Place {
  readonly reconnects: number;
  readonly postUrl: string;
  readonly streamUrls: readonly string[];
}

async function comeBackAgainAndAgain({ reconnects: wanted, postUrl, streamUrls }: Place): Promise<void> {
  const random = createRandom(Date.now());
  const ledgers = Array.from({ length: READERS }, (_, i) => new Ledger(`reader ${i} (seed ${random.seed})`));
  // Half of them read one channel, the others all three on one stream.
  const listOf = (i: number) => (i % 2 === 0 ? [channels[0]!] : channels);
  const followers = ledgers.map((ledger, i) =>
    follow({
      url: () => random.pick(streamUrls),
      channels: listOf(i),
      ledger,
      cutAfterBytes: (connect) =>
        connect > wanted / READERS ? Number.POSITIVE_INFINITY : 1 + random.int(CUT_MAX_BYTES),
    }),
  );
  await using publisher = createPublisher(postUrl);
  try {
    // Who is cut before it knows where it is begins anew, so nothing is sent before all know.
    await Promise.all(followers.map(({ synced }) => synced));
    const sent = new Map(channels.map((channel) => [channel, 0]));
    let isOver = false;
    const publish = async (from: string, channel: string) => {
      const everyMs = (1000 * publishers.length * channels.length) / CHANGES_PER_SECOND;
      let dueMs = performance.now() + random.next() * everyMs;
      for (let seq = 1; !isOver; seq++) {
        await publisher.deliver({ channel, from, seq, body: bodyOf(seq) });
        sent.set(channel, sent.get(channel)! + 1);
        dueMs += everyMs;
        await sleep(Math.max(0, dueMs - performance.now()));
      }
    };
    const publishing = publishers.flatMap((from) => channels.map((channel) => publish(from, channel)));
    const reconnects = () => followers.reduce((sum, { connects }) => sum + connects - 1, 0);
    await waitFor(
      () => {
        for (const follower of followers) follower.check();
        return reconnects() >= wanted;
      },
      { timeoutMs: 180_000 * SIZE, everyMs: 20, what: () => `${wanted} reconnects, there were ${reconnects()}` },
    );
    isOver = true;
    await Promise.all(publishing);
    const expected = (i: number) => listOf(i).reduce((sum, channel) => sum + sent.get(channel)!, 0);
    await waitFor(
      () => {
        for (const follower of followers) follower.check();
        return ledgers.every(({ count }, i) => count >= expected(i));
      },
      {
        timeoutMs: 60_000,
        what: () => `everything; seen: ${ledgers.map(({ count }, i) => `${count}/${expected(i)}`)}`,
      },
    );
    for (const [i, ledger] of ledgers.entries()) {
      followers[i]!.check();
      assert.equal(ledger.count, expected(i));
      for (const channel of listOf(i)) {
        assert.deepEqual(ledger.order.get(channel), ledgers[1]!.order.get(channel), 'one order for all');
      }
    }
  } finally {
    await Promise.all(followers.map((follower) => follower[Symbol.asyncDispose]()));
  }
}

describe('a reader that comes back at random moments sees no gap and no repeat', () => {
  it(`${RECONNECTS} times, in memory`, async () => {
    await using server = await startServer({ env });
    await comeBackAgainAndAgain({ reconnects: RECONNECTS, postUrl: server.url, streamUrls: [server.url] });
  });

  it(`${2 * RECONNECTS} times, on Redis, at one gateway or the other`, async () => {
    // With rings this small nearly every return reads history, while more arrives.
    const settings = { ...env, RING_MAX_BYTES: '1024' };
    await using fleet = await startFleet({ env: settings, roles: ['bucket,merger', 'gateway', 'gateway'] });
    const streamUrls = fleet.of('gateway').map(({ url }) => url);
    await comeBackAgainAndAgain({ reconnects: 2 * RECONNECTS, postUrl: fleet.of('bucket,merger')[0]!.url, streamUrls });
  });
});

/**
 * Mergers share the shards among them: each has its part soon after it came, and hands over what is another's while changes come
 * for every shard. The books say that each change became one event, in order; the readers' clocks, for how long a shard stood.
 */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { shardOf } from '../../src/domain/channel.ts';
import type { Envelope } from '../contract/protocol/kit.ts';
import { shardsHeld } from '../support/metric.ts';
import type { ServerProcess } from '../support/process.ts';
import { waitFor } from '../support/wait.ts';
import { type Fleet, startFleet } from './fleet.ts';
import { follow } from './follower.ts';
import { bodyOf, Ledger } from './ledger.ts';
import { createPublisher } from './publisher.ts';

const SHARDS = 64;
const CHANNELS_OF_STREAM = 16;
/** Of all channels together, as far as the machine comes along. `CHANGES_PER_S=5000` for figures. */
const PER_S = Number(process.env.CHANGES_PER_S ?? 1_000);
const POSTS_PER_S = 1_000;
/** Above that rate each POST brings several. */
const BATCH = Math.ceil(PER_S / POSTS_PER_S);
const EVERY_MS = (1_000 * SHARDS * BATCH) / PER_S;
/** What takes two seconds here, on a machine that does ten things. */
const SHARED_TIMEOUT_MS = 30_000;

const channels = Array.from({ length: SHARDS }, (_, shard) => {
  for (let i = 0; ; i++) if (shardOf(`room-${i}`, SHARDS) === shard) return `room-${i}`;
});

/** NDJSON, of changes as the ledger knows them. */
function batchFrom(seq: number): string {
  return Array.from({ length: BATCH }, (_, i) => `${JSON.stringify(bodyOf(seq + i))}\n`).join('');
}

class TimedLedger extends Ledger {
  readonly lastMs = new Map<string, number>();
  longestMs = 0;

  override take(event: Envelope): void {
    super.take(event);
    const nowMs = performance.now();
    this.longestMs = Math.max(this.longestMs, nowMs - (this.lastMs.get(event.channel!) ?? nowMs));
    this.lastMs.set(event.channel!, nowMs);
  }
}

async function shared(mergers: readonly ServerProcess[]): Promise<void> {
  const floor = Math.floor(SHARDS / mergers.length);
  let counts: number[] = [];
  await waitFor(
    async () => {
      counts = await Promise.all(mergers.map(shardsHeld));
      const isEven = counts.every((count) => count === floor || count === floor + 1);
      return isEven && counts.reduce((sum, count) => sum + count) === SHARDS;
    },
    { timeoutMs: SHARED_TIMEOUT_MS, everyMs: 100, what: () => `${SHARDS} shards to be shared evenly: ${counts}` },
  );
}

/** A change for every shard, now and then, until `act` is done with the mergers; then the books are compared. */
async function underLoad(t: TestContext, fleet: Fleet, act: () => Promise<void>): Promise<number> {
  const { url } = fleet.of('bucket,gateway')[0]!;
  await using publisher = createPublisher(url, SHARDS);
  const ledgers: TimedLedger[] = [];
  const followers = [];
  let lanes: Promise<void>[] = [];
  let isOver = false;
  let sent = 0;
  for (let i = 0; i < SHARDS; i += CHANNELS_OF_STREAM) {
    const ledger = new TimedLedger(`reader of shards from ${i}`);
    ledgers.push(ledger);
    followers.push(follow({ url: () => url, channels: channels.slice(i, i + CHANNELS_OF_STREAM), ledger }));
  }
  try {
    await Promise.all(followers.map(({ synced }) => synced));
    lanes = channels.map(async (channel) => {
      for (let seq = 1, dueMs = performance.now(); !isOver; seq += BATCH) {
        await publisher.deliver({ channel, from: 'p.1', seq, isBatch: true, body: batchFrom(seq) });
        sent += BATCH;
        // Who is late does not hurry after.
        dueMs = Math.max(dueMs + EVERY_MS, performance.now());
        await sleep(dueMs - performance.now());
      }
    });
    await waitFor(() => ledgers.every(({ lastMs }) => lastMs.size === CHANNELS_OF_STREAM), {
      timeoutMs: SHARED_TIMEOUT_MS,
      what: 'an event of every shard',
    });
    for (const ledger of ledgers) ledger.longestMs = 0;
    const [sentBefore, beganMs] = [sent, performance.now()];
    await act();
    told(t, 'changes a second', (1_000 * (sent - sentBefore)) / (performance.now() - beganMs));
    isOver = true;
    await Promise.all(lanes);
    await waitFor(() => ledgers.reduce((sum, { count }) => sum + count, 0) >= sent, {
      timeoutMs: SHARED_TIMEOUT_MS,
      what: `${sent} events`,
    });
    for (const follower of followers) follower.check();
    return Math.max(...ledgers.map(({ longestMs }) => longestMs));
  } finally {
    isOver = true;
    await Promise.allSettled(lanes);
    await Promise.all(followers.map((follower) => follower[Symbol.asyncDispose]()));
  }
}

const told = (t: TestContext, what: string, figure: number) => t.diagnostic(`${what}: ${Math.round(figure)}`);

describe('mergers share the shards', () => {
  const env = { SHARDS: String(SHARDS) };

  it('each its part soon after it came, and while one after the other is replaced no shard waits for a lease', async (t) => {
    // Longer than the longest pause that is allowed here.
    const leaseMs = 60_000;
    await using fleet = await startFleet({
      env: { ...env, MERGE_LEASE_MS: String(leaseMs) },
      roles: ['bucket,gateway', 'merger'],
    });
    await shared(fleet.of('merger'));
    const live: ServerProcess[] = [...fleet.of('merger')];
    const pauseMs = await underLoad(t, fleet, async () => {
      for (let i = 0; i < 2; i++) live.push(await fleet.add('merger'));
      const startedMs = performance.now();
      await shared(live);
      told(t, 'the third has its share after, ms', performance.now() - startedMs);
      for (let i = 0; i < 3; i++) {
        live.push(await fleet.add('merger'));
        assert.equal((await live.shift()!.stop()).code, 0);
        await shared(live);
      }
    });
    told(t, 'longest pause of a shard, ms', pauseMs);
    assert.ok(pauseMs < 10_000, `a shard stood for ${Math.round(pauseMs)} ms`);
  });

  it('those of one that is killed are the others’ a lease later', async (t) => {
    await using fleet = await startFleet({ env, roles: ['bucket,gateway', 'merger', 'merger', 'merger'] });
    const [first, ...rest] = fleet.of('merger');
    await shared(fleet.of('merger'));
    const pauseMs = await underLoad(t, fleet, async () => {
      await first!.kill9();
      await shared(rest);
    });
    told(t, 'longest pause of a shard, ms', pauseMs);
    assert.ok(pauseMs < 20_000, `a shard stood for ${Math.round(pauseMs)} ms`);
  });
});

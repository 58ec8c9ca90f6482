/**
 * The store is one that has forgotten: a shard's epoch is renewed under thousands of streams of a channel with a large state,
 * and all of them start over at once.
 */

import { shardOf } from '../../../src/domain/channel.ts';
import { request } from '../../support/http.ts';
import { waitFor } from '../../support/wait.ts';
import type { Attack, Drive, Size } from '../attack.ts';
import { FIELDS_AT_CAP, fillState } from '../filling.ts';
import { commandRedis } from '../redis-line.ts';
import { openStreams, type Streams } from '../streams.ts';

const CHANNEL = 'renewed';
const STREAMS: Readonly<Record<Size, number>> = { small: 300, full: 5_000 };
/** For the streams of good clients, and for polls. */
const ROOM = 100;
const ARRIVED_MS = 60_000;

function attack(reducer: 'log' | 'latest'): Attack {
  return {
    name: `renewed-epoch-${reducer}`,
    promise: `an epoch is renewed under 5,000 streams of a ${reducer}: each is told reset`,
    store: 'redis',
    isVariant: reducer === 'log',
    env: (size) => ({ REDUCERS: `${CHANNEL}=${reducer},*=log`, MAX_STREAMS: String(STREAMS[size] + ROOM) }),
    holds: ['rings', 'states', 'streams'],
    prepare,
    drive,
  };
}

let streams: Streams;

async function prepare({ target, size }: Drive): Promise<void> {
  await fillState(target, CHANNEL, FIELDS_AT_CAP[size]);
  const count = STREAMS[size];
  streams = openStreams(target.gatewayUrl, count, `/c/${CHANNEL}/events`);
  const synced = () => streams.seen('event: $sync') >= count;
  await waitFor(synced, { timeoutMs: ARRIVED_MS, everyMs: 20, what: 'all streams to be open' });
}

async function drive({ target, size }: Drive) {
  const count = STREAMS[size];
  // What a merger finds behind what it has committed itself: commits are gone.
  await commandRedis(target.redisPort!, 'HSET', `sc:{${shardOf(CHANNEL, target.shards)}}:shard`, 'rev', '1');
  const startedMs = performance.now();
  await request(target.bucketUrl, `/c/${CHANNEL}?from=after.x&seq=1`, { method: 'POST', body: 'after' });
  const told = () => streams.seen('data: {"status":"reset"') >= count;
  await waitFor(told, { timeoutMs: ARRIVED_MS, everyMs: 10, what: 'all resets' }).catch(() => {});
  const tookMs = Math.round(performance.now() - startedMs);
  const resets = streams.seen('data: {"status":"reset"');
  const faults = resets < count ? [`${resets} of ${count} streams were told reset`] : [];
  if (streams.ended > 0) faults.push(`${streams.ended} streams ended`);
  streams.close();
  return { figures: { resets, 'to the last of them, ms': tookMs }, faults };
}

export const renewedEpoch: readonly Attack[] = [attack('log'), attack('latest')];

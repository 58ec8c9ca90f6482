/**
 * Thousands of streams wait on a channel that has never had an event, and it has its first. They stay: that they leave in one moment, for
 * each of which a kernel takes some 24 µs, would be measured with it.
 */
import { request } from '../../support/http.ts';
import { waitFor } from '../../support/wait.ts';
import type { Attack, Drive, Size } from '../attack.ts';
import { openStreams, type Streams } from '../streams.ts';

const CHANNEL = 'empty';
const STREAMS: Readonly<Record<Size, number>> = { small: 500, full: 12_000 };
/** For the streams of good clients, and for polls. */
const ROOM = 100;
const ARRIVED_MS = 60_000;

function attack(store: Attack['store']): Attack {
  return {
    name: `first-event-${store}`,
    promise: 'the first event of an empty channel with 12,000 streams comes to all of them',
    store,
    isVariant: store === 'memory',
    env: (size) => ({ MAX_STREAMS: String(STREAMS[size] + ROOM) }),
    holds: ['rings', 'streams'],
    prepare,
    drive,
  };
}

let streams: Streams;

async function prepare({ target, size }: Drive): Promise<void> {
  const count = STREAMS[size];
  streams = openStreams(target.gatewayUrl, count, `/c/${CHANNEL}/events`);
  const synced = () => streams.seen('event: $sync') >= count;
  await waitFor(synced, { timeoutMs: ARRIVED_MS, everyMs: 20, what: 'all streams to be open' });
}

async function drive({ target, size }: Drive) {
  const count = STREAMS[size];
  const startedMs = performance.now();
  const { status } = await request(target.bucketUrl, `/c/${CHANNEL}`, { method: 'POST', body: 'first' });
  const arrived = () => streams.seen('data: first') >= count;
  await waitFor(arrived, { timeoutMs: ARRIVED_MS, what: 'all events' }).catch(() => {});
  const tookMs = Math.round(performance.now() - startedMs);
  const events = streams.seen('data: first');
  const faults = status === 204 ? [] : [`the first change was answered ${status}`];
  if (events < count) faults.push(`${events} of ${count} streams got the first event`);
  return { figures: { events, 'to the last of them, ms': tookMs }, faults };
}

export const firstEvent: readonly Attack[] = [attack('memory'), attack('redis')];

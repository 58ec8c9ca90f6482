/**
 * A channel whose state has all the fields it may have: thousands of streams come with a cursor that cannot be honoured, so
 * that each begins with a snapshot, and the state is read again and again beside them.
 */
import { waitFor } from '../../support/wait.ts';
import type { Attack, Drive, Size } from '../attack.ts';
import { FIELDS_AT_CAP, fillState } from '../filling.ts';
import { sendAll } from '../sending.ts';
import { get } from '../sockets.ts';
import { openStreams } from '../streams.ts';

const CHANNEL = 'stateful';
const STREAMS: Readonly<Record<Size, number>> = { small: 200, full: 5_000 };
/** For the streams of good clients, and for polls. */
const ROOM = 100;
const READS_PER_S = 50;
const SECONDS: Readonly<Record<Size, number>> = { small: 1, full: 20 };
const ARRIVED_MS = 60_000;

function attack(reducer: 'latest' | 'tally', store: Attack['store']): Attack {
  return {
    name: `state-resets-${reducer}-${store}`,
    promise: `a ${reducer} at its cap: 5,000 streams are told reset at once, and /state is read 50 times a second`,
    store,
    isVariant: reducer !== 'tally' || store === 'memory',
    env: (size) => ({ REDUCERS: `${CHANNEL}=${reducer},*=log`, MAX_STREAMS: String(STREAMS[size] + ROOM) }),
    holds: ['rings', 'states', 'answers', 'streams'],
    prepare: ({ target, size }) => fillState(target, CHANNEL, FIELDS_AT_CAP[size]),
    drive,
  };
}

async function drive({ target, size }: Drive) {
  const count = STREAMS[size];
  const streams = openStreams(target.gatewayUrl, count, `/c/${CHANNEL}/events`, 'Last-Event-ID: zzzzzz.1\r\n');
  const reading = sendAll({
    url: target.gatewayUrl,
    count: READS_PER_S * SECONDS[size],
    connections: 16,
    perS: READS_PER_S,
    timeoutMs: ARRIVED_MS,
    request: () => get(`/c/${CHANNEL}/state`),
  });
  const isTold = () => streams.seen('event: $snapshot') >= count;
  await waitFor(isTold, { timeoutMs: ARRIVED_MS, everyMs: 20, what: 'all snapshots' }).catch(() => {});
  const reads = await reading;
  const snapshots = streams.seen('event: $snapshot');
  const faults = reads.faults('GET /state', 200, 503);
  if (snapshots < count) faults.push(`${snapshots} of ${count} streams got a snapshot`);
  if (streams.ended > 0) faults.push(`${streams.ended} streams ended`);
  streams.close();
  return { figures: { snapshots, reads: `${reads}` }, faults };
}

export const stateResets: readonly Attack[] = [
  attack('latest', 'memory'),
  attack('tally', 'memory'),
  attack('latest', 'redis'),
  attack('tally', 'redis'),
];

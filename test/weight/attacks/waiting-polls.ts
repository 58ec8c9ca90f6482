/** More polls that wait than a server may hold streams, each on a connection of its own, all sent in the same moment. */
import { request } from '../../support/http.ts';
import { waitFor } from '../../support/wait.ts';
import { Tally } from '../answers.ts';
import type { Attack, Drive, Size } from '../attack.ts';
import { metricOf } from '../filling.ts';
import { get, RawConnection } from '../sockets.ts';

const CHANNEL = 'waited';
const HELD_MAX: Readonly<Record<Size, number>> = { small: 200, full: 5_000 };
const POLLS: Readonly<Record<Size, number>> = { small: 500, full: 9_000 };
/** Connections are opened so many at a time, or the first would be silent for too long. */
const TOGETHER = 500;
const OPEN_MS = 10_000;
const ANSWERED_MS = 15_000;
/** Good clients have streams of their own. */
const OTHERS = 50;

const connections: RawConnection[] = [];
/** Of the connections, to the requests sent last. */
let tally = new Tally();
let told = 0;

/** All are open and were answered once: an idle one is not closed meanwhile. */
async function prepare({ target, size }: Drive): Promise<void> {
  const onAnswer = ({ status, text }: { status: number; text: string }) => {
    tally.add(status);
    if (status === 503 && /^retry-after: \d+/im.test(text)) told++;
  };
  while (connections.length < POLLS[size]) {
    for (let n = 0; n < TOGETHER && connections.length < POLLS[size]; n++) {
      const connection = new RawConnection(target.gatewayUrl, { onAnswer });
      void connection.send(get(`/c/${CHANNEL}/events?format=json`));
      connections.push(connection);
    }
    await waitFor(() => tally.of(200) === connections.length, { timeoutMs: OPEN_MS, what: 'first answers' });
  }
  tally = new Tally();
}

async function drive({ target, size }: Drive) {
  for (const connection of connections) void connection.send(get(`/c/${CHANNEL}/events?format=json&wait=25`));
  const due = POLLS[size] - HELD_MAX[size];
  await waitFor(() => tally.of(503) >= due, { timeoutMs: ANSWERED_MS, everyMs: 20, what: 'refusals' }).catch(() => {});
  const faults = tally.faults('a poll', 200, 503);
  if (tally.of(503) < due)
    faults.push(`${tally.of(503)} of ${POLLS[size]} polls were refused; ${HELD_MAX[size]} may wait`);
  if (told < tally.of(503)) faults.push(`${tally.of(503) - told} refusals without Retry-After`);
  const stream = await request(target.gatewayUrl, `/c/${CHANNEL}/events`, {
    headers: { accept: 'text/event-stream' },
    timeoutMs: 5_000,
  }).catch((error: Error) => error);
  const isPolite = !(stream instanceof Error) && stream.status === 200 && stream.body.includes('$overloaded');
  if (!isPolite) faults.push(`a stream beyond the limit was not told $overloaded`);
  for (const connection of connections) connection.close();
  const isGone = async () => (await metricOf(target, 'smallchange_polls')) <= OTHERS;
  await waitFor(isGone, { timeoutMs: 5_000, what: 'polls to be forgotten' }).catch(() =>
    faults.push('polls wait on after their clients have left'),
  );
  return { figures: { polls: POLLS[size], answered: `${tally}` }, faults };
}

export const waitingPolls: Attack = {
  name: 'waiting-polls',
  isVariant: true,
  promise: 'polls that wait are counted with the streams: those beyond MAX_STREAMS are told when to come back',
  store: 'redis',
  env: (size) => ({ MAX_STREAMS: String(HELD_MAX[size]), SPREAD_INTERVAL_MS: '0' }),
  holds: ['polls', 'streams', 'answers'],
  prepare,
  drive,
};

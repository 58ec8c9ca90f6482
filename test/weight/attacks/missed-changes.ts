/** A gateway stands still while hundreds of large changes are merged that one of its streams waits for, and goes on. */
import { waitFor } from '../../support/wait.ts';
import type { Attack, Drive, Size } from '../attack.ts';
import { MarkCounter } from '../marks.ts';
import { whileMoving } from '../moving.ts';
import { sendAll } from '../sending.ts';
import { largestOf } from '../settings.ts';
import { get, post, RawConnection } from '../sockets.ts';

const CHANNEL = 'missed';
/** As many as a history keeps, about. */
const CHANGES: Readonly<Record<Size, number>> = { small: 60, full: 1_000 };
const SENT_MS = 120_000;
/** Of a change; the first frame begins otherwise. */
const MARK = '\ndata: y';

let stream: RawConnection | undefined;
const events = new MarkCounter(MARK);

async function prepare({ target, size }: Drive): Promise<void> {
  stream = new RawConnection(target.gatewayUrl);
  let synced = false;
  stream.socket.removeAllListeners('data').on('data', (chunk: Buffer) => {
    synced = true;
    events.push(chunk);
  });
  stream.socket.write(get(`/c/${CHANNEL}/events`));
  await waitFor(() => synced, { timeoutMs: SENT_MS, what: 'the stream' });
  process.kill(target.pids.gateway, 'SIGSTOP');
  const body = Buffer.alloc(largestOf('maxChangeBytes'), 'y');
  const sending = { url: target.bucketUrl, count: CHANGES[size], connections: 4, timeoutMs: SENT_MS, insists: true };
  const answers = await sendAll({ ...sending, request: () => post(`/c/${CHANNEL}`, body) });
  process.kill(target.pids.gateway, 'SIGCONT');
  if (answers.of(204) < CHANGES[size]) throw new Error(`changes were answered ${answers}`);
}

async function drive({ size }: Drive) {
  const startedMs = performance.now();
  await whileMoving(() => (stream!.isClosed ? Number.POSITIVE_INFINITY : events.count), CHANGES[size]);
  const tookMs = Math.round(performance.now() - startedMs);
  const faults =
    events.count < CHANGES[size] ? [`${events.count} of ${CHANGES[size]} events came in ${tookMs} ms`] : [];
  if (stream!.isClosed) faults.push('the stream was closed');
  stream!.close();
  return { figures: { events: events.count, 'all there after, ms': tookMs }, faults };
}

export const missedChanges: Attack = {
  name: 'missed-changes',
  promise: 'a hub that missed 1,000 changes of the largest size catches up while others go on',
  store: 'apart',
  env: () => ({
    MAX_CHANGE_BYTES: String(largestOf('maxChangeBytes')),
    INBOX_MAX_BYTES: String(1 << 30),
    STREAM_STALL_MS: '120000',
  }),
  holds: ['rings', 'batches'],
  // Redis lets go of a subscriber that does not read.
  cuts: 'subscription',
  prepare,
  drive,
};

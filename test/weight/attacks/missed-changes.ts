/** A gateway stands still while hundreds of large changes are merged that one of its streams waits for, and goes on. */
import { waitFor } from '../../support/wait.ts';
import type { Attack, Drive, Size } from '../attack.ts';
import { sendAll } from '../sending.ts';
import { largestOf } from '../settings.ts';
import { get, post, RawConnection } from '../sockets.ts';

const CHANNEL = 'missed';
const CHANGES: Readonly<Record<Size, number>> = { small: 100, full: 500 };
const SENT_MS = 120_000;
const CAUGHT_UP_MS: Readonly<Record<Size, number>> = { small: 30_000, full: 60_000 };
/** The subscriber that does not read is cut off by Redis when this is full, as it is by default after 32 MiB. */
const MARK = Buffer.from('\ndata: ');

let stream: RawConnection | undefined;
let events = 0;

async function prepare({ target, size }: Drive): Promise<void> {
  stream = new RawConnection(target.gatewayUrl);
  let synced = false;
  stream.socket.removeAllListeners('data').on('data', (chunk: Buffer) => {
    synced = true;
    for (let at = chunk.indexOf(MARK); at !== -1; at = chunk.indexOf(MARK, at + 1)) events++;
  });
  stream.socket.write(get(`/c/${CHANNEL}/events`));
  await waitFor(() => synced, { timeoutMs: SENT_MS, what: 'the stream' });
  process.kill(target.pids.gateway, 'SIGSTOP');
  const body = Buffer.alloc(largestOf('maxChangeBytes'), 'y');
  const sending = { url: target.bucketUrl, count: CHANGES[size], connections: 4, timeoutMs: SENT_MS, insists: true };
  const answers = await sendAll({ ...sending, request: () => post(`/c/${CHANNEL}`, body) });
  events = 0;
  process.kill(target.pids.gateway, 'SIGCONT');
  if (answers.of(204) < CHANGES[size]) throw new Error(`changes were answered ${answers}`);
}

async function drive({ size }: Drive) {
  const startedMs = performance.now();
  const isThere = () => events >= CHANGES[size] || stream!.isClosed;
  await waitFor(isThere, { timeoutMs: CAUGHT_UP_MS[size], what: 'all events' }).catch(() => {});
  const tookMs = Math.round(performance.now() - startedMs);
  const faults = events < CHANGES[size] ? [`${events} of ${CHANGES[size]} events came in ${tookMs} ms`] : [];
  if (stream!.isClosed) faults.push('the stream was closed');
  stream!.close();
  return { figures: { events, 'all there after, ms': tookMs }, faults };
}

export const missedChanges: Attack = {
  name: 'missed-changes',
  promise: 'a hub that missed 500 changes of the largest size catches up while others go on',
  store: 'apart',
  env: () => ({
    MAX_CHANGE_BYTES: String(largestOf('maxChangeBytes')),
    INBOX_MAX_BYTES: String(1 << 30),
    STREAM_STALL_MS: '120000',
  }),
  holds: ['rings', 'batches', 'answers'],
  prepare,
  drive,
};

/** A long-poll client that does as it is told, and one that asks again at once, while their server drains (P20). */
import { setTimeout as sleep } from 'node:timers/promises';
import { waitFor } from '../../support/wait.ts';
import type { Attack, Drive, Size } from '../attack.ts';
import { get, RawConnection } from '../sockets.ts';
import { openStreams, type Streams } from '../streams.ts';

const CHANNEL = 'drained';
const STREAMS: Readonly<Record<Size, number>> = { small: 200, full: 2_000 };
const DRAIN_MS: Readonly<Record<Size, number>> = { small: 3_000, full: 10_000 };
/** It is told to come back in a second or more; twice that often is still polite of a server. */
const ANSWERS_PER_S_MAX = 2;
const OPEN_MS = 30_000;

let streams: Streams | undefined;

async function prepare({ target, size }: Drive): Promise<void> {
  streams = openStreams(target.gatewayUrl, STREAMS[size], `/c/${CHANNEL}-streams/events`);
  const isOpen = () => streams!.seen('event: $sync') >= STREAMS[size];
  await waitFor(isOpen, { timeoutMs: OPEN_MS, what: 'all streams to be open' });
}

/** Asks again when `Retry-After` tells it to; without one at once, as it may. */
function startPolling(url: string) {
  let [answered, refused, hasEnded] = [0, 0, false];
  let connection: RawConnection;
  const ask = () => {
    if (hasEnded) return;
    if (connection.isClosed) connection = connect();
    void connection.send(get(`/c/${CHANNEL}/events?format=json&wait=25`));
  };
  const onAnswer = ({ status, text }: { status: number; text: string }) => {
    answered++;
    const retryAfter = /^retry-after: *(\d+)/im.exec(text)?.[1];
    if (status === 503 && retryAfter !== undefined) refused++;
    setTimeout(ask, Number(retryAfter ?? 0) * 1000);
  };
  const connect = () => new RawConnection(url, { onAnswer });
  connection = connect();
  ask();
  return {
    get figures() {
      return { answered, refused };
    },
    stop() {
      hasEnded = true;
      connection.close();
    },
  };
}

async function drive({ target, size }: Drive) {
  const poll = startPolling(target.gatewayUrl);
  // It waits for its first answer by then.
  await sleep(200);
  const startedMs = performance.now();
  process.kill(target.pids.gateway, 'SIGTERM');
  await waitFor(() => streams!.ended >= STREAMS[size], {
    timeoutMs: 3 * DRAIN_MS[size],
    what: 'all streams to be sent away',
  }).catch(() => {});
  const tookS = (performance.now() - startedMs) / 1000;
  poll.stop();
  const { answered, refused } = poll.figures;
  const faults: string[] = [];
  if (streams!.ended < STREAMS[size]) faults.push(`${STREAMS[size] - streams!.ended} streams were not sent away`);
  if (answered > 2 + ANSWERS_PER_S_MAX * tookS)
    faults.push(`one polite client was answered ${answered} times in ${tookS.toFixed(1)} s`);
  streams!.close();
  return { figures: { answered, 'of them 503 with Retry-After': refused, 'drained in, s': tookS.toFixed(1) }, faults };
}

export const drainingPolls: Attack = {
  name: 'draining-polls',
  isVariant: true,
  promise: 'while a server drains, a poll is told when to come back',
  store: 'memory',
  env: (size) => ({ DRAIN_MS: String(DRAIN_MS[size]) }),
  holds: ['streams', 'polls'],
  endsServers: true,
  prepare,
  drive,
};

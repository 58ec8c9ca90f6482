/**
 * A stream that conflates for the longest time there is, on a channel to which every change comes under another publisher's
 * name: nothing can be left out, so all of it waits for the stream.
 */

import { once } from 'node:events';
import type { Attack, Drive, Size } from '../attack.ts';
import { MarkCounter } from '../marks.ts';
import { whileMoving } from '../moving.ts';
import { sendAll } from '../sending.ts';
import { largestOf } from '../settings.ts';
import { DEAR_BYTE, get, post, RawConnection } from '../sockets.ts';

interface Amount {
  readonly changes: number;
  readonly bytes: number;
  readonly perS: number;
  /** Few where bodies are large: one that takes longer than a request may is 408. */
  readonly connections: number;
  readonly conflateMs: number;
}

const LARGEST = largestOf('maxChangeBytes');
const SENT_MS: Readonly<Record<Size, number>> = { small: 60_000, full: 240_000 };

function attack(name: string, store: Attack['store'], amounts: Readonly<Record<Size, Amount>>): Attack {
  const stored = (size: Size) => amounts[size].changes * amounts[size].bytes;
  return {
    name,
    promise: 'the longest conflation, each change of another publisher: the stream gets every one of them',
    store,
    env: (size) => ({
      MAX_CHANGE_BYTES: String(amounts[size].bytes),
      INBOX_MAX_BYTES: String(1 << 30),
      // The stream takes longer for its hundreds of MiB than for one byte.
      STREAM_STALL_MS: '120000',
    }),
    holds: ['rings', 'conflation', 'batches'],
    storedBytes: stored,
    // Large changes have an attack of their own.
    isVariant: name !== 'conflation-many',
    drive: (drive) => flood(drive, amounts[drive.size]),
  };
}

async function flood({ target, size }: Drive, { changes, bytes, perS, connections, conflateMs }: Amount) {
  const channel = 'conflated';
  const events = new MarkCounter('\n{"id"');
  const listener = new RawConnection(target.gatewayUrl);
  listener.socket.removeAllListeners('data').on('data', (chunk: Buffer) => events.push(chunk));
  const isOpen = once(listener.socket, 'data');
  listener.socket.write(get(`/c/${channel}/events?format=ndjson&conflate=${conflateMs}ms`));
  // It is to have all of them: from before the first.
  await isOpen;
  const body = Buffer.alloc(bytes, DEAR_BYTE);
  const startedMs = performance.now();
  const answers = await sendAll({
    url: target.bucketUrl,
    count: changes,
    connections,
    perS,
    timeoutMs: SENT_MS[size],
    insists: true,
    request: (i) => post(`/c/${channel}?from=n${i}.x`, body),
  });
  const sentS = (performance.now() - startedMs) / 1000;
  const arrived = () => (listener.isClosed ? Number.POSITIVE_INFINITY : events.count);
  await whileMoving(arrived, answers.of(204), conflateMs);
  const faults = answers.faults('POST', 204, 503);
  if (events.count < answers.of(204)) faults.push(`the stream got ${events.count} events of ${answers.of(204)}`);
  if (listener.isClosed) faults.push('the stream was closed');
  listener.close();
  return { figures: { POSTs: `${answers} in ${sentS.toFixed(1)} s`, events: events.count }, faults };
}

export const conflation: readonly Attack[] = [
  attack('conflation-many', 'memory', {
    small: { changes: 4_000, bytes: 1024, perS: 4_000, connections: 64, conflateMs: 3_000 },
    full: { changes: 20_000 * 70, bytes: 1024, perS: 20_000, connections: 64, conflateMs: 60_000 },
  }),
  attack('conflation-large', 'memory', {
    small: { changes: 200, bytes: LARGEST, perS: 400, connections: 4, conflateMs: 3_000 },
    full: { changes: 1_000, bytes: LARGEST, perS: 80, connections: 4, conflateMs: 60_000 },
  }),
];

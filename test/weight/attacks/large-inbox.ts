/** Hundreds of changes of the largest size wait in an inbox when a merger comes to it: they are merged, and nobody else waits. */
import { setTimeout as sleep } from 'node:timers/promises';
import { waitFor } from '../../support/wait.ts';
import type { Attack, Drive, Size } from '../attack.ts';
import { headOf } from '../filling.ts';
import { commandRedis } from '../redis-line.ts';
import { sendAll } from '../sending.ts';
import { largestOf } from '../settings.ts';
import { DEAR_BYTE, post } from '../sockets.ts';

const CHANNEL = 'inbox';
const CHANGES: Readonly<Record<Size, number>> = { small: 100, full: 200 };
const SENT_MS = 60_000;
const MERGED_MS: Readonly<Record<Size, number>> = { small: 30_000, full: 60_000 };
const PING_EVERY_MS = 10;

async function fill({ target, size }: Drive): Promise<void> {
  process.kill(target.pids.merger, 'SIGSTOP');
  const body = Buffer.alloc(largestOf('maxChangeBytes'), DEAR_BYTE);
  const sending = { url: target.bucketUrl, count: CHANGES[size], connections: 4, timeoutMs: SENT_MS, insists: true };
  const answers = await sendAll({ ...sending, request: () => post(`/c/${CHANNEL}`, body) });
  process.kill(target.pids.merger, 'SIGCONT');
  if (answers.of(204) < CHANGES[size]) throw new Error(`the inbox was filled with ${answers}`);
}

async function drive({ target, size }: Drive) {
  const startedMs = performance.now();
  let isOver = false;
  let pingMs = 0;
  const pinging = (async () => {
    while (!isOver) {
      const sentMs = performance.now();
      await commandRedis(target.redisPort!, 'PING').catch(() => {});
      pingMs = Math.max(pingMs, performance.now() - sentMs);
      await sleep(PING_EVERY_MS);
    }
  })();
  let merged = 0;
  const isMerged = async () => {
    merged = await headOf(target, CHANNEL).catch(() => 0);
    return merged >= CHANGES[size];
  };
  const options = { timeoutMs: MERGED_MS[size], everyMs: 50, what: 'all to be merged' };
  await waitFor(isMerged, options).catch(() => {});
  const tookMs = Math.round(performance.now() - startedMs);
  isOver = true;
  await pinging;
  const faults = merged < CHANGES[size] ? [`${merged} of ${CHANGES[size]} were merged in ${MERGED_MS[size]} ms`] : [];
  return {
    figures: { merged, 'all merged after, ms': tookMs, 'PING of Redis at most, ms': Math.round(pingMs) },
    faults,
  };
}

export const largeInbox: Attack = {
  name: 'large-inbox',
  promise: 'an inbox of 200 changes of the largest size is merged while others go on',
  store: 'apart',
  env: () => ({ MAX_CHANGE_BYTES: String(largestOf('maxChangeBytes')), INBOX_MAX_BYTES: String(1 << 30) }),
  holds: ['rings', 'batches'],
  prepare: fill,
  drive,
};

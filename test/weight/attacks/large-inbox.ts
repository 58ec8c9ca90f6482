/** Hundreds of changes of the largest size wait in an inbox when a merger comes to it: they are merged, and nobody else waits. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Attack, Drive, Size } from '../attack.ts';
import { headOf } from '../filling.ts';
import { whileMoving } from '../moving.ts';
import { commandRedis } from '../redis-line.ts';
import { sendAll } from '../sending.ts';
import { largestOf } from '../settings.ts';
import { DEAR_BYTE, post } from '../sockets.ts';

const CHANNEL = 'inbox';
const CHANGES: Readonly<Record<Size, number>> = { small: 60, full: 800 };
const SENT_MS = 60_000;
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
  const merged = await whileMoving(() => headOf(target, CHANNEL).catch(() => 0), CHANGES[size]);
  const tookMs = Math.round(performance.now() - startedMs);
  isOver = true;
  await pinging;
  const faults = merged < CHANGES[size] ? [`${merged} of ${CHANGES[size]} were merged, and no more came`] : [];
  return {
    figures: { merged, 'all merged after, ms': tookMs, 'PING of Redis at most, ms': Math.round(pingMs) },
    faults,
  };
}

export const largeInbox: Attack = {
  name: 'large-inbox',
  promise: 'an inbox of 800 changes of the largest size is merged while others go on',
  store: 'apart',
  env: () => ({ MAX_CHANGE_BYTES: String(largestOf('maxChangeBytes')), INBOX_MAX_BYTES: String(1 << 30) }),
  holds: ['rings', 'batches'],
  prepare: fill,
  drive,
};

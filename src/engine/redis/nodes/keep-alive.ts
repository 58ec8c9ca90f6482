/**
 * Keeps idle connections alive: a NAT, a balancer or Redis' own `timeout` forgets who is silent, often without a word, and the
 * first command after that would wait for an answer in vain. A PING is said instead, so that what was forgotten is found,
 * and replaced, before somebody needs it.
 */
import type { Redis } from 'ioredis';
import { call } from './calls.ts';
import { patienceOf } from './patience.ts';

/** As often as the listening connection is asked. The least that forget, such as a `timeout` of Redis, count in seconds. */
const PING_EVERY_MS = 1_000;

export function keepAlive(connections: readonly Redis[]): { close(): void } {
  const seen = connections.map((redis) => ({ redis, patience: patienceOf(redis), sent: 0 }));
  const timer = setInterval(() => {
    for (const each of seen) {
      const isIdle = each.patience.sent === each.sent;
      // One that is not ready has just been, or is about to be, made anew.
      if (isIdle && each.redis.status === 'ready') call(each.redis, 'ping', []).catch(() => undefined);
      each.sent = each.patience.sent;
    }
  }, PING_EVERY_MS);
  return { close: () => clearInterval(timer) };
}

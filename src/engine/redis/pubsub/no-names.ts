/**
 * ioredis keeps the names of all that a connection is subscribed to, so that it can subscribe again by itself, which ours do not
 * (`subscriber.ts`). For 80,000 of them that takes 10 MB, and a turn of 40 ms each time when its table grows.
 */
import type { Redis } from 'ioredis';

/** As much of ioredis' `SubscriptionSet` as it calls where it does not subscribe by itself. */
const NO_NAMES = { add() {}, del() {}, channels: () => [], isEmpty: () => false };

interface Condition {
  /** False until the first subscription is acknowledged, and after the last has ended. */
  subscriber: unknown;
}

/** To be called again after each SSUBSCRIBE: ioredis begins anew with every connection, and where it had none. */
export function keepNoNames(redis: Redis): void {
  const { condition } = redis as unknown as { readonly condition?: Condition };
  if (condition?.subscriber) condition.subscriber = NO_NAMES;
}

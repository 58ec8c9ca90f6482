/** Who merges is told of every inbox that has something, and of what it has where there is little; and of leases given back. */
import { shardOf } from '../../domain/channel.ts';
import type { Engine, Found, Subscription } from '../engine.ts';
import { decodeEntry, decodeWake, isFreed } from './codec/codec.ts';
import type { Keys } from './keys.ts';
import type { LastPeeks } from './last-peeks.ts';
import type { Subscriber } from './pubsub/subscriber.ts';

interface Watcher {
  readonly onWake: Parameters<Engine['watch']>[0];
  readonly onFree: (shard: number) => void;
}

/** Resolves once it listens to all shards; rejects, and listens to none, where one cannot be listened to. */
export async function watch(
  subscriber: Subscriber,
  keys: Keys,
  last: LastPeeks,
  shards: number,
  { onWake, onFree }: Watcher,
): Promise<Subscription> {
  const watching = Array.from({ length: shards }, (_, shard) =>
    subscriber.listen(shard, [keys.ofShard(shard).wake], {
      published(_name, payload) {
        if (isFreed(payload)) onFree(shard);
        else onWake(shard, foundBy(payload, last, shard, shards));
      },
      missed() {
        onFree(shard);
        onWake(shard, null);
      },
    }),
  );
  const subscriptions = (await Promise.allSettled(watching)).flatMap((each) =>
    each.status === 'fulfilled' ? each.value : [],
  );
  const close = () => subscriptions.forEach((subscription) => void subscription.close());
  try {
    await Promise.all(watching);
  } catch (error) {
    close();
    throw error;
  }
  return { close };
}

function foundBy(payload: Buffer, last: LastPeeks, shard: number, shards: number): Found | null {
  const wake = decodeWake(payload);
  if (wake === undefined) return null;
  const { epoch, rev, raws } = wake;
  last.keepFound(shard, rev, raws);
  return { epoch, rev, entries: raws.map((raw) => decodeEntry(raw, (channel) => shardOf(channel, shards) === shard)) };
}

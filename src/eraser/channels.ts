/** All channels of a shard, a few at a time, in the order of their last commits: one that changes meanwhile comes once all the same. */
import type { Channel } from '../domain/channel.ts';
import { ARCHIVE_CHANNELS_MAX } from '../engine/archiving.ts';
import type { Engine } from '../engine/engine.ts';

export async function* channelsOf(
  engine: Pick<Engine, 'readUnarchived'>,
  shard: number,
): AsyncGenerator<readonly Channel[]> {
  const seen = new Set<Channel>();
  for (let rev = 0; ; ) {
    const { channels } = await engine.readUnarchived(shard, rev, ARCHIVE_CHANNELS_MAX);
    const fresh = channels.map(({ channel }) => channel).filter((channel) => !seen.has(channel));
    for (const channel of fresh) seen.add(channel);
    yield fresh;
    if (channels.length < ARCHIVE_CHANNELS_MAX) return;
    // Of the last commit there may be others. One has fewer channels than are told at once.
    rev = channels.at(-1)!.rev - 1;
  }
}

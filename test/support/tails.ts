/** What those who compare ask of an engine, answered by its history alone: for engines of tests that have nothing else. */
import type { Channel } from '../../src/domain/channel.ts';
import type { Position } from '../../src/domain/position.ts';
import type { Changes, Comparing, HistoryPage } from '../../src/engine/comparing.ts';

type ReadHistory = (channel: Channel, after: Position | null, limit: number, maxBytes?: number) => Promise<HistoryPage>;

/** Any channel may always have changed, and each is looked at by itself. */
export function tailsOf(readHistory: ReadHistory): Comparing {
  return {
    readChanges: async (): Promise<Changes> => ({ mark: '', epoch: '', emptyHead: 0, channels: null }),
    readTails: (_shard, wanted, limit, maxBytes) =>
      Promise.all(wanted.map(({ channel, after }) => readHistory(channel, after, limit, maxBytes))),
  };
}

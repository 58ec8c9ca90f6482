/** What is asked of Redis by those who move logs to a store that lasts (`../archiving.ts`). */
import type { Archiving } from '../archiving.ts';
import type { EngineOptions } from '../engine.ts';
import type { Keys } from './keys.ts';
import type { Reply } from './nodes/calls.ts';
import { stepMax } from './reads.ts';
import type { Runner } from './runner.ts';
import { scripts } from './scripts.ts';

export function createArchiving(
  keys: Keys,
  { historyMaxEvents, maxChangeBytes }: EngineOptions,
  runner: Pick<Runner, 'run'>,
): Archiving {
  const run = runner.run.bind(runner);
  const trimMore = stepMax(maxChangeBytes);

  return {
    async readUnarchived(shard, afterRev, limit) {
      const of = keys.ofShard(shard);
      const args = [afterRev, limit].map(String);
      const answer = await run(shard, scripts.unarchived, [of.shard, of.recent, of.inbox], args);
      const [epoch, rev, events, waiting, bytes, pairs, archiving] = answer as [
        ...[Reply, Reply, Reply, Reply, Reply],
        Reply[],
        Reply,
      ];
      const channels = [];
      for (let i = 0; i < pairs.length; i += 2) channels.push({ channel: String(pairs[i]), rev: Number(pairs[i + 1]) });
      return {
        epoch: String(epoch),
        rev: Number(rev),
        events: Number(events),
        waiting: Number(waiting),
        backlogBytes: Number(bytes),
        isArchived: archiving !== null,
        channels,
      };
    },

    async markArchived(shard, { epoch, rev, marks, backlogMaxBytes }) {
      const names = [keys.ofShard(shard).shard];
      for (const { channel } of marks) {
        const { meta, history } = keys.ofChannel(shard, channel);
        names.push(meta, history);
      }
      const limits = [backlogMaxBytes, historyMaxEvents, trimMore].map(String);
      const args = [epoch, String(rev), ...limits, ...marks.flatMap(({ from, offset }) => [from, offset].map(String))];
      return (await run(shard, scripts.markArchived, names, args)) === 1;
    },
  };
}

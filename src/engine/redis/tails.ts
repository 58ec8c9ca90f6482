/** What is asked of Redis by those who compare: which channels of a shard have changed, and the ends of many logs at once. */
import { newEpoch } from '../../domain/position.ts';
import type { Changes, HistoryPage, Mark, Tail } from '../comparing.ts';
import type { EngineOptions } from '../engine.ts';
import { packed } from './codec/codec.ts';
import { historyFrom, type RawHistory, rawHistory } from './history-page.ts';
import type { Keys } from './keys.ts';
import type { Reply } from './nodes/calls.ts';
import { EVENT_OVERHEAD_BYTES, LIMIT_MAX, stepMax } from './reads.ts';
import type { Runner } from './runner.ts';
import { scripts } from './scripts.ts';
import type { Unreadable } from './unreadable.ts';

/** Epoch, rev, events, server and serverSince (`lua/changes.lua`). */
const MARK_PARTS = 5;
/** Elements of the answer that belong to the shard, and to each channel (`lua/tails.lua`). */
const OF_SHARD = 4;
const OF_CHANNEL = 7;

export function createTails(
  keys: Keys,
  { maxChangeBytes }: EngineOptions,
  runner: Pick<Runner, 'run'>,
  unreadable: Unreadable,
) {
  const run = runner.run.bind(runner);
  const maxStep = stepMax(maxChangeBytes);

  return {
    async readChanges(shard: number, since: Mark | null, limit: number): Promise<Changes> {
      const { shard: hash, recent, forgotten } = keys.ofShard(shard);
      const args = [...partsOf(since), String(limit)];
      const answer = (await run(shard, scripts.changes, [hash, recent, forgotten], args)) as Reply[];
      const parts = answer.slice(0, MARK_PARTS).map(String);
      const [epoch, , events] = parts as [string, string, string];
      const channels = answer[MARK_PARTS] as Reply[] | null;
      return {
        mark: parts.join(' '),
        epoch,
        emptyHead: Number(events),
        channels: channels?.map(String) ?? null,
      };
    },

    async readTails(
      shard: number,
      wanted: readonly Tail[],
      limit: number,
      maxBytes: number,
    ): Promise<(HistoryPage | null)[]> {
      const of = keys.ofShard(shard);
      const names = [of.shard, of.forgotten];
      const positions: (string | number)[] = [];
      for (const { channel, after } of wanted) {
        const { meta, history } = keys.ofChannel(shard, channel);
        names.push(meta, history);
        positions.push(after.epoch, after.offset);
      }
      const limits = [Math.min(limit, LIMIT_MAX), maxBytes, maxStep, EVENT_OVERHEAD_BYTES];
      const before = names[2]!.length - wanted[0]!.channel.length;
      const args = [newEpoch(), ...[...limits, before].map(String), packed(positions)];
      const answer = (await run(shard, scripts.tails, names, args)) as Reply[];
      return wanted.map(({ channel, after }, i) => {
        const raw = rawAt(answer, OF_SHARD + i * OF_CHANNEL);
        return raw && historyFrom(raw, after, (error, offset) => unreadable.tell(channel, error, offset));
      });
    },
  };
}

function rawAt(answer: readonly Reply[], at: number): RawHistory | null {
  if (at >= answer.length) return null;
  const [epoch, events, ofShard, parent] = answer;
  const [head, base, kept, ofChannel, blobs, fold, archivedFrom] = answer.slice(at, at + OF_CHANNEL);
  const ofLog = [head!, base!, kept!, fold!, archivedFrom!];
  return rawHistory([epoch!, events!, parent!], [ofShard!, ofChannel!], ofLog, blobs!);
}

/** Of a mark; one of another kind is of no epoch. */
function partsOf(mark: Mark | null): string[] {
  const parts = (mark ?? '').split(' ');
  return parts.length === MARK_PARTS ? parts : ['', '0', '0', '', '0'];
}

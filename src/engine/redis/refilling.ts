/** What is asked of Redis by who puts back what it has lost (`../refilling.ts`). */
import { shardOf } from '../../domain/channel.ts';
import type { EngineOptions, Refill, RefilledChannel, Refilling, RefillOutcome } from '../engine.ts';
import { decodeEntry } from './codec/codec.ts';
import { encodeChannels } from './codec/commit-writer.ts';
import { encodeEntry } from './codec/entry-writer.ts';
import type { Keys } from './keys.ts';
import type { Argument } from './nodes/calls.ts';
import { stepMax } from './reads.ts';
import type { Runner } from './runner.ts';
import { scripts } from './scripts.ts';

type Refusal = Extract<RefillOutcome, { kind: 'refused' }>['reason'];

export function createRefilling(
  keys: Keys,
  { shards, historyMaxEvents, dedupeTtlMs, maxChangeBytes }: EngineOptions,
  runner: Pick<Runner, 'run'>,
): Refilling {
  const run = runner.run.bind(runner);
  const maxStep = stepMax(maxChangeBytes);

  return {
    async readInbox(shard, token, behind, { maxEntries, maxBytes }) {
      const of = keys.ofShard(shard);
      const args = [token, ...[behind, maxEntries, maxBytes, maxStep].map(String)];
      const answer = await run(shard, scripts.inbox, [of.shard, of.inbox], args);
      if (!Array.isArray(answer)) return null;
      const belongsHere = (channel: string) => shardOf(channel, shards) === shard;
      return (answer as Buffer[]).map((raw) => decodeEntry(raw, belongsHere));
    },

    async refill(shard, { token, rev, epoch, channels, taken, isComplete, events = 0 }: Refill) {
      const of = keys.ofShard(shard);
      const names = [of.shard, of.inbox, of.dedupeExpiry, of.recent];
      for (const { channel, state, seqs } of channels) {
        const { meta, history, state: fields, index, dedupe } = keys.ofChannel(shard, channel);
        names.push(meta, history);
        if (state.size > 0) names.push(fields, index);
        if (seqs.size > 0) names.push(dedupe);
      }
      const limits = [historyMaxEvents, dedupeTtlMs, maxStep].map(String);
      const args: Argument[] = [
        ...[token, String(rev), ...limits, of.eventsPrefix],
        ...[isComplete ? '1' : '0', ...[events, mergedMsOf(channels), taken.length].map(String)],
        ...taken.map(encodeEntry),
        ...channels.map(({ archivedFrom }) => String(archivedFrom)),
        encodeChannels(epoch, channels),
      ];
      const answer = await run(shard, scripts.refill, names, args);
      if (typeof answer === 'number') return { kind: 'refilled', rev: answer };
      return { kind: 'refused', reason: String(answer) as Refusal };
    },
  };
}

/** What the clock of the shard said when the last of them was merged; 0 where none of them tells. */
function mergedMsOf(channels: readonly RefilledChannel[]): number {
  let last = 0;
  for (const { events } of channels) {
    for (const { atMs, mergedAfterMs } of events) {
      if (mergedAfterMs !== undefined) last = Math.max(last, atMs + mergedAfterMs);
    }
  }
  return last;
}

/** How a shard in Redis forgets: what may go is found by one script, and looked at again by the next, which has its keys declared. */
import type { Channel } from '../../domain/channel.ts';
import type { Engine, EngineOptions } from '../engine.ts';
import type { Keys } from './keys.ts';
import type { Reply } from './nodes/calls.ts';
import type { Runner } from './runner.ts';
import { scripts } from './scripts.ts';

/** Forgotten channels a shard remembers one by one: about 1 MB. */
const FORGOTTEN_REMEMBERED = 10_000;
/** Channels, and publishers, that one call forgets: a few milliseconds of Redis. */
const SWEEP_MAX = 200;
/** As the script is told of a channel that is never forgotten. */
const FOR_EVER = -1;

interface Proposed {
  readonly publishers: readonly (readonly [Channel, string])[];
  readonly channels: readonly Channel[];
}

export function createSweeping(
  keys: Keys,
  { channelIdleMs, keptMs = () => 0 }: EngineOptions,
  runner: Pick<Runner, 'run'>,
): Pick<Engine, 'sweep'> {
  const run = runner.run.bind(runner);
  /** By shard: how many of the longest silent have stayed, in the looks before. */
  const behind = new Map<number, number>();

  async function propose(shard: number, token: string, limit: number): Promise<Proposed | null> {
    const { shard: hash, dedupeExpiry, recent } = keys.ofShard(shard);
    const args = [token, String(limit), String(behind.get(shard) ?? 0)];
    const answer = await run(shard, scripts.expired, [hash, dedupeExpiry, recent], args);
    if (!Array.isArray(answer)) return null;
    const [publishers, channels] = answer as [Buffer[], Buffer[]];
    return {
      publishers: publishers.map((member) => String(member).split(' ') as [Channel, string]),
      channels: channels.map(String),
    };
  }

  function askOf(shard: number, token: string, { publishers, channels }: Proposed): Promise<Reply> {
    const of = keys.ofShard(shard);
    const names = [of.shard, of.dedupeExpiry, of.recent, of.forgotten];
    const args = [token, channelIdleMs, FORGOTTEN_REMEMBERED, publishers.length].map(String);
    for (const [channel, from] of publishers) {
      names.push(keys.ofChannel(shard, channel).dedupe);
      args.push(channel, from);
    }
    for (const channel of channels) {
      const { meta, history, state, index } = keys.ofChannel(shard, channel);
      names.push(meta, history, state, index);
      const ms = keptMs(channel);
      args.push(channel, String(Number.isFinite(ms) ? ms : FOR_EVER));
    }
    return run(shard, scripts.sweep, names, args);
  }

  return {
    async sweep(shard, token, most) {
      const limit = Math.min(most, SWEEP_MAX);
      const proposed = await propose(shard, token, limit);
      const answer = proposed && (await askOf(shard, token, proposed));
      if (proposed === null || !Array.isArray(answer)) return { kind: 'refused', reason: 'lease' };
      const { channels, publishers } = proposed;
      const [rev, events, channelsGone, publishersGone, inUse] = answer as [number, number, number[], number[], number];
      const goesOn = channels.length === limit && inUse === 0;
      behind.set(shard, goesOn ? (behind.get(shard) ?? 0) + limit - channelsGone.length : 0);
      return {
        kind: 'swept',
        channels: channelsGone.map((i) => channels[i - 1]!),
        publishers: publishersGone.map((i) => [...publishers[i - 1]!] as [Channel, string]),
        rev,
        events,
      };
    },
  };
}

/**
 * What of a shard may be forgotten, and what may rest, that is, give up its history but for the last event: the longest silent first,
 * a few at a time. Those that stay are passed over by the next look, until one has come to a channel that is in use.
 */
import type { Channel } from '../../domain/channel.ts';
import type { EngineOptions, SweepOutcome } from '../engine.ts';
import { isArchived } from './archiving.ts';
import type { Log, Shard } from './shard.ts';

/** What a sweep finds. */
export interface Sweepable {
  /** To be forgotten. */
  readonly channels: readonly Channel[];
  /** To give up what is there again behind the store. */
  readonly resting: readonly Channel[];
  /** To be forgotten, as the shard has them. */
  readonly publishers: readonly string[];
}

export class Sweeps {
  readonly #options: EngineOptions;
  readonly #keepsAll: boolean;
  /** By shard: how many of the longest silent have stayed, in the looks before. */
  readonly #behind = new Map<number, number>();

  constructor(options: EngineOptions, keepsAll: boolean) {
    this.#options = options;
    this.#keepsAll = keepsAll;
  }

  find(index: number, shard: Shard, limit: number, nowMs: number): Sweepable {
    const { keptMs = () => 0 } = this.#options;
    const publishers = oldestWhile(shard.publishers, limit, ({ expiresMs }) => expiresMs <= nowMs);
    const behind = this.#behind.get(index) ?? 0;
    const silent = this.#silent(shard, behind, limit, nowMs);
    const goesOn = shard.backlog !== null || this.#keepsAll;
    const ended = silent.filter(([, log]) => isArchived(shard, log));
    const kept = new Set(ended.filter(([channel, { usedMs }]) => goesOn && usedMs + keptMs(channel) > nowMs));
    const channels = ended.filter((each) => !kept.has(each)).map(([channel]) => channel);
    const resting = Array.from(kept).flatMap(([channel, { history }]) => (history.size > 1 ? [channel] : []));
    this.#behind.set(index, silent.length === limit ? behind + limit - channels.length : 0);
    return { channels, resting, publishers };
  }

  #silent({ logs }: Shard, behind: number, limit: number, nowMs: number): [Channel, Log][] {
    const silent: [Channel, Log][] = [];
    let passed = 0;
    for (const entry of logs) {
      if (passed++ < behind) continue;
      if (silent.length === limit || entry[1].usedMs + this.#options.channelIdleMs > nowMs) break;
      silent.push(entry);
    }
    return silent;
  }
}

/** What a sweep answers that forgot this. */
export function sweptOf({ rev, events }: Shard, { channels, publishers }: Sweepable): SweepOutcome {
  const pairs = publishers.map((name) => name.split(' ') as [Channel, string]);
  return { kind: 'swept', channels, publishers: pairs, rev, events };
}

/** The keys of the entries that were least recently set, as long as `expired` holds, at most `limit`. */
function oldestWhile<T>(entries: ReadonlyMap<string, T>, limit: number, expired: (value: T) => boolean): string[] {
  const keys: string[] = [];
  for (const [key, value] of entries) {
    if (keys.length >= limit || !expired(value)) break;
    keys.push(key);
  }
  return keys;
}

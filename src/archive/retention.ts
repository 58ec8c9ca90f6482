/** For how many days the archive keeps which channels: the first pattern that matches a name. */
import type { Channel } from '../domain/channel.ts';
import { createMatcher } from '../domain/pattern.ts';

export interface DayRule {
  /** A channel name in which `*` stands for any characters. */
  readonly pattern: string;
  /** 0: for ever. */
  readonly days: number;
}

export interface Retention {
  /** 0: for ever. */
  daysOf(channel: Channel): number;
  /** The same in milliseconds; `Infinity`: for ever. */
  msOf(channel: Channel): number;
  /** What `daysOf` may say, each once, without 0. */
  readonly all: readonly number[];
}

const DAY_MS = 86_400_000;

export function createRetention(rules: readonly DayRule[]): Retention {
  const matchers = rules.map(({ pattern, days }) => ({ matches: createMatcher(pattern), days }));
  const daysOf = (channel: Channel) => matchers.find(({ matches }) => matches(channel))?.days ?? 0;
  return {
    daysOf,
    msOf: (channel) => daysOf(channel) * DAY_MS || Number.POSITIVE_INFINITY,
    all: [...new Set(rules.map(({ days }) => days))].filter((days) => days > 0),
  };
}

export const forEver: Retention = createRetention([]);

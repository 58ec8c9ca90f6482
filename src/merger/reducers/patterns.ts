/** Which reducer makes which channel: the first pattern of `REDUCERS` that matches its name. */
import type { Channel } from '../../domain/channel.ts';
import { createMatcher } from '../../domain/pattern.ts';
import { latestReducer } from './latest.ts';
import { logReducer } from './log.ts';
import type { Reducer } from './reducer.ts';
import { tallyReducer } from './tally.ts';

/** A new reducer is a file beside this one and a line here. */
const builtIn: readonly Reducer[] = [logReducer, latestReducer, tallyReducer];

export interface ReducerPattern {
  /** A channel name in which `*` stands for any characters. */
  readonly pattern: string;
  readonly reducer: string;
}

export type ReducerFor = (channel: Channel) => Reducer;

export function reducerNamed(name: string): Reducer | undefined {
  return builtIn.find((each) => each.name === name);
}

/** @throws if a pattern names a reducer that does not exist; the configuration has checked that it does. */
export function createReducerFor(patterns: readonly ReducerPattern[]): ReducerFor {
  const rules = patterns.map(({ pattern, reducer }) => {
    const found = reducerNamed(reducer);
    if (!found) throw new Error(`no reducer is called ${reducer}`);
    return { matches: createMatcher(pattern), reducer: found };
  });
  return (channel) => rules.find(({ matches }) => matches(channel))?.reducer ?? logReducer;
}

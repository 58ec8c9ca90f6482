/**
 * What a round has to load before it folds: heads, reducers, seqs and states of channels that are not known yet.
 *
 * Large states come one after the other, in pages, and only so many of them for one round: a batch that touches many of them is
 * folded in parts, so that no other channel of the shard waits for all of them.
 */
import type { Channel } from '../domain/channel.ts';
import { channelEpoch, newFold } from '../domain/position.ts';
import type { Engine, LoadedChannel, LoadWish, Peek } from '../engine/engine.ts';
import type { Logger } from '../log.ts';
import { type Known, weightOf } from './known.ts';
import type { Course } from './known-channel.ts';
import type { ReadableEntry } from './readable.ts';
import type { ReducerFor } from './reducers/patterns.ts';
import type { Reducer } from './reducers/reducer.ts';

export interface LearnDeps {
  readonly engine: Engine;
  readonly log: Logger;
  readonly reducerFor: ReducerFor;
  /** The reducer of that name, while mergers have different `REDUCERS`: else each would undo what another one made. */
  readonly keptReducer?: (name: string) => Reducer | undefined;
}

type Entries = Omit<Extract<Peek, { kind: 'entries' }>, 'entries'> & { readonly entries: readonly ReadableEntry[] };

/** Weight of large states that one round reads: two at their largest, some 80 pages. */
const LARGE_STATES_MAX_BYTES = 8 << 20;

/** @returns The first of the entries, as many as can be folded; null when the shard has moved on. */
export async function learn(
  shard: number,
  peek: Entries,
  known: Known,
  deps: LearnDeps,
): Promise<readonly ReadableEntry[] | null> {
  const { engine, log, reducerFor, keptReducer } = deps;
  const wishes = known.missingFor(peek.entries);
  if (wishes.length === 0) return peek.entries;
  const loaded = await engine.load(shard, wishes);
  if (loaded.rev !== peek.rev) return null;
  let largeBytes = 0;
  const begunAnew: Channel[] = [];
  for (const [i, wish] of wishes.entries()) {
    const { channel } = wish;
    const of = loaded.channels[i]!;
    // Of one that is known only seqs were missing.
    const course = known.get(channel) ? undefined : courseOf(of, reducerFor(channel).name, keptReducer);
    const isBegunAnew = typeof course?.refold === 'number';
    if (isBegunAnew) begunAnew.push(channel);
    if (of.state !== null || isBegunAnew) {
      known.add(wish, of, isBegunAnew ? new Map() : of.state!, course);
      continue;
    }
    if (largeBytes > LARGE_STATES_MAX_BYTES) return before(peek.entries, channel);
    const isRead = await addLarge(wish, of, peek, { known, engine, course });
    if (!isRead) return null;
    const { state, stateBytes } = known.get(channel)!;
    largeBytes += weightOf(state, stateBytes);
  }
  if (begunAnew.length > 0) {
    const [channel] = begunAnew;
    log.warn({ shard, channels: begunAnew.length, channel }, 'another reducer: the state is begun anew');
  }
  return peek.entries;
}

/** A channel that another reducer has made is begun anew, unless that one is kept. */
function courseOf({ reducer }: LoadedChannel, ours: string, keptReducer: LearnDeps['keptReducer']): Course {
  if (reducer === null || reducer === ours) return { kept: null, refold: null };
  const kept = keptReducer?.(reducer);
  return kept ? { kept, refold: null } : { kept: null, refold: newFold() };
}

interface LargeDeps {
  readonly known: Known;
  readonly engine: Engine;
  readonly course: Course | undefined;
}

/** Its state must be the one that the load left out: of the same epoch, at the same head. */
async function addLarge(
  wish: LoadWish,
  of: LoadedChannel,
  peek: Entries,
  { known, engine, course }: LargeDeps,
): Promise<boolean> {
  const { epoch, offset, state } = await engine.readState(wish.channel);
  if (epoch !== channelEpoch(peek.epoch, of.fold ?? 0) || offset !== of.head) return false;
  known.add(wish, of, state, course);
  return true;
}

function before(entries: readonly ReadableEntry[], channel: string): readonly ReadableEntry[] {
  const first = entries.findIndex((entry) => entry.kind === 'change' && entry.change.channel === channel);
  return entries.slice(0, first);
}

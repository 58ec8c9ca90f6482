/**
 * What a round has to load before it folds: heads, reducers, seqs and states of channels that are not known yet.
 *
 * Large states come one after the other, in pages, and only so many of them for one round: a batch that touches many of them is
 * folded in parts, so that no other channel of the shard waits for all of them.
 */
import type { Engine, LoadedChannel, LoadWish, Peek } from '../engine/engine.ts';
import type { Logger } from '../log.ts';
import { type Known, weightOf } from './known.ts';
import type { ReadableEntry } from './readable.ts';
import type { ReducerFor } from './reducers/patterns.ts';

export interface LearnDeps {
  readonly engine: Engine;
  readonly log: Logger;
  readonly reducerFor: ReducerFor;
}

type Entries = Omit<Extract<Peek, { kind: 'entries' }>, 'entries'> & { readonly entries: readonly ReadableEntry[] };

/** Weight of large states that one round reads: two at their largest, some 80 pages. */
const LARGE_STATES_MAX_BYTES = 8 << 20;

/** @returns The first of the entries, as many as can be folded; null when the shard has moved on or a channel has got another reducer. */
export async function learn(
  shard: number,
  peek: Entries,
  known: Known,
  { engine, log, reducerFor }: LearnDeps,
): Promise<readonly ReadableEntry[] | null> {
  const wishes = known.missingFor(peek.entries);
  if (wishes.length === 0) return peek.entries;
  const loaded = await engine.load(shard, wishes);
  if (loaded.rev !== peek.rev) return null;
  let largeBytes = 0;
  for (const [i, wish] of wishes.entries()) {
    const { channel } = wish;
    const of = loaded.channels[i]!;
    const reducer = reducerFor(channel).name;
    if (of.reducer !== null && of.reducer !== reducer) {
      await engine.renew(shard, peek.epoch, { kind: 'reducer', channel, reducer });
      log.warn({ channel, before: of.reducer, now: reducer }, 'another reducer: new epoch');
      return null;
    }
    if (of.state !== null) {
      known.add(wish, of, of.state);
      continue;
    }
    if (largeBytes > LARGE_STATES_MAX_BYTES) return before(peek.entries, channel);
    const isRead = await addLarge(wish, of, peek, known, engine);
    if (!isRead) return null;
    const { state, stateBytes } = known.get(channel)!;
    largeBytes += weightOf(state, stateBytes);
  }
  return peek.entries;
}

/** Its state must be the one that the load left out: of the same epoch, at the same head. */
async function addLarge(
  wish: LoadWish,
  of: LoadedChannel,
  peek: Entries,
  known: Known,
  engine: Engine,
): Promise<boolean> {
  const { epoch, offset, state } = await engine.readState(wish.channel);
  if (epoch !== peek.epoch || offset !== of.head) return false;
  known.add(wish, of, state);
  return true;
}

function before(entries: readonly ReadableEntry[], channel: string): readonly ReadableEntry[] {
  const first = entries.findIndex((entry) => entry.kind === 'change' && entry.change.channel === channel);
  return entries.slice(0, first);
}

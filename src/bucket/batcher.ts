/**
 * The batcher: appends changes many at a time, in lanes. Where shards fail apart each has a lane of its own, so that one that is
 * away, or slow, keeps nobody waiting for the others and leaves them room; else one lane takes all of them in one call.
 */
import type { Change } from '../domain/change.ts';
import { shardOf } from '../domain/channel.ts';
import { EngineUnavailable } from '../errors.ts';
import { Lane, type LaneDeps, type Settle } from './lane.ts';
import { Load } from './load.ts';

export type BatcherDeps = Omit<LaneDeps, 'load'>;

export interface Batcher {
  append(change: Change, settle: Settle): void;
  /** Of one channel, all or none, with nothing between them. @param changes 1 to 1,000. */
  appendWhole(changes: readonly Change[], settle: Settle): void;
  /** Resolves when every change so far is settled. */
  quiesce(): Promise<void>;
}

export function createBatcher(deps: BatcherDeps): Batcher {
  const { shards, shardsFailApart } = deps.engine;
  const count = shardsFailApart ? shards : 1;
  const load = new Load(count);
  const lanes = Array.from({ length: count }, () => new Lane({ ...deps, load }));
  const laneOf = ({ channel }: Change) => lanes[count === 1 ? 0 : shardOf(channel, count)]!;
  const refuse = (settle: Settle) => settle(new EngineUnavailable('too many changes wait for an answer'), null);
  return {
    append(change, settle) {
      const lane = laneOf(change);
      if (load.hasRoomFor(lane)) lane.append(change, settle);
      else refuse(settle);
    },
    appendWhole(changes, settle) {
      const lane = laneOf(changes[0]!);
      if (load.hasRoomFor(lane)) lane.appendWhole(changes, settle);
      else refuse(settle);
    },
    quiesce: () => load.none(),
  };
}

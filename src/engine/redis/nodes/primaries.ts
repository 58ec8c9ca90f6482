/**
 * The primaries behind an engine: one, on a standalone Redis or found by Sentinels, or those of a Cluster
 * (`cluster.ts`).
 */

import type { Away } from '../../engine.ts';
import type { Lines } from '../pubsub/subscriber.ts';
import type { Runner } from '../runner.ts';
import { type Durability, isLossless, logDurability } from '../start/durability.ts';
import { checkPrimary } from '../start/start-checks.ts';
import type { Target } from './addresses.ts';
import { openPrimary, type PrimaryOptions } from './primary.ts';

/** Answers are the scripts'; what fails is an EngineUnavailable, or an error of ours in what was sent. */
export interface Primaries extends Runner, Lines {
  /** Resolves to the shards whose primary does not answer, each with why. Rejects when none answers. */
  ping(): Promise<Away>;
  close(): Promise<void>;
}

/** One primary for all shards. Where Sentinels know it, each connection asks them anew whenever it connects. */
export async function openSingle(
  target: Target,
  mode: 'standalone' | 'sentinel',
  options: PrimaryOptions,
): Promise<Primaries> {
  const primary = await openPrimary(target, options);
  let durability: Durability;
  try {
    durability = await checkPrimary(primary, mode, options);
    logDurability([durability], options.log);
  } catch (error) {
    await primary.close();
    throw error;
  }
  return {
    isOne: true,
    // Behind Sentinels another may take its place, which has less.
    keepsAll: mode === 'standalone' && isLossless(durability),
    run: (_shard, script, keys, args) => primary.run(script, keys, args),
    append: (_shard, script, keys, args) => primary.append(script, keys, args),
    lineOf: () => primary.line,
    doubt() {},
    async ping() {
      await primary.ping();
      return new Map();
    },
    close: () => primary.close(),
  };
}

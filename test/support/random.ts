/**
 * Random choices that can be made again: everything follows from one seed, which a failing test prints.
 */
import { createRandom as createGenerator } from '../../loadtest/measures/random.ts';

export interface Random {
  readonly seed: number;
  /** 0 ≤ result < 1. */
  next(): number;
  /** A whole number, 0 ≤ result < `below`. */
  int(below: number): number;
  chance(probability: number): boolean;
  pick<T>(from: readonly T[]): T;
}

/** The generator of the load tester, and what tests choose with it. */
export function createRandom(seed: number): Random {
  const { next, int } = createGenerator(seed);
  return {
    seed,
    next,
    int,
    chance: (probability) => next() < probability,
    pick: (from) => from[int(from.length)]!,
  };
}

/**
 * Sides that are compared, asked for one figure after the other, in turn. Which of them comes first changes with every round, so
 * that what is compared within a round was measured a moment apart, and neither side always follows the other.
 */

/** A side that runs. While it is not asked for a figure it does nothing. */
export interface Opened {
  figure(): Promise<number>;
  stop(): Promise<void>;
}

export interface Contestant {
  readonly name: string;
  open(): Promise<Opened>;
}

export interface Rounds {
  readonly rounds: number;
  /** Of the figures, where they are told. */
  readonly digits?: number;
  /** Each figure is of a side that was opened for it. Else all run from the first round to the last. */
  readonly isAnew?: boolean;
}

/** @returns The figures of each side, by round. */
export async function inTurn(
  what: string,
  sides: readonly Contestant[],
  { rounds, digits = 0, isAnew = false }: Rounds,
): Promise<number[][]> {
  const figures = sides.map(() => [] as number[]);
  const running: Opened[] = [];
  const stop = async () => {
    for (const each of running.splice(0)) await each.stop();
  };
  try {
    for (let round = 1; round <= rounds; round++) {
      if (running.length === 0) for (const side of sides) running.push(await side.open());
      const order = [...sides.keys()];
      if (round % 2 === 0) order.reverse();
      for (const i of order) figures[i]!.push(await running[i]!.figure());
      const told = sides.map(({ name }, i) => `${name} ${figures[i]!.at(-1)!.toFixed(digits)}`);
      console.log(`round ${round}: ${what}: ${told.join(', ')}`);
      if (isAnew) await stop();
    }
  } finally {
    await stop();
  }
  return figures;
}

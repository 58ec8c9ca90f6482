/**
 * Sides that are compared, asked for one figure after the other, in turn. Which of them comes first changes with every round, so
 * that what is compared within a round was measured a moment apart, and neither side always follows the other.
 */

/** A side that runs. While it is not asked for a figure it does nothing. */
export interface Opened<T = number> {
  figure(): Promise<T>;
  stop(): Promise<void>;
}

export interface Contestant<T = number> {
  readonly name: string;
  open(): Promise<Opened<T>>;
}

export interface Rounds<T = number> {
  readonly rounds: number;
  /** How a figure is told. Default: a whole number. */
  readonly tell?: (figure: T) => string;
  /** Each figure is of a side that was opened for it. Else all run from the first round to the last. */
  readonly isAnew?: boolean;
}

/** @returns The figures of each side, by round. */
export async function inTurn<T = number>(
  what: string,
  sides: readonly Contestant<T>[],
  { rounds, tell = (figure) => Number(figure).toFixed(), isAnew = false }: Rounds<T>,
): Promise<T[][]> {
  const figures = sides.map(() => [] as T[]);
  const running: Opened<T>[] = [];
  const stop = async () => {
    for (const each of running.splice(0)) await each.stop();
  };
  try {
    for (let round = 1; round <= rounds; round++) {
      if (running.length === 0) for (const side of sides) running.push(await side.open());
      const order = [...sides.keys()];
      if (round % 2 === 0) order.reverse();
      for (const i of order) figures[i]!.push(await running[i]!.figure());
      const told = sides.map(({ name }, i) => `${name} ${tell(figures[i]!.at(-1)!)}`);
      console.log(`round ${round}: ${what}: ${told.join(', ')}`);
      if (isAnew) await stop();
    }
  } finally {
    await stop();
  }
  return figures;
}

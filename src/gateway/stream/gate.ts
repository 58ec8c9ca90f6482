/**
 * The gate: lets in so many new streams per turn of the event loop, in the order in which they came.
 *
 * A new stream costs some hundred times what a write to an open one does. In a storm of them (a proxy reloaded, a
 * gateway next door killed) those that are open must still be served in between, and POSTs answered.
 */
export interface Gate {
  /** How many wait. */
  readonly waiting: number;
  /** Resolves when it is one's turn. */
  enter(): Promise<void>;
}

/** Some 5 ms of work. */
const ENTRIES_PER_TURN = 16;

export function createGate(): Gate {
  const queue: (() => void)[] = [];
  let entered = 0;
  let isTurnDue = false;

  function nextTurn(): void {
    isTurnDue = false;
    entered = 0;
    while (entered < ENTRIES_PER_TURN && queue.length > 0) {
      entered++;
      queue.shift()!();
    }
    if (entered > 0) endTurn();
  }

  function endTurn(): void {
    if (isTurnDue) return;
    isTurnDue = true;
    setImmediate(nextTurn);
  }

  return {
    get waiting() {
      return queue.length;
    },
    async enter() {
      endTurn();
      if (entered < ENTRIES_PER_TURN) entered++;
      else await new Promise<void>((resolve) => queue.push(resolve));
    },
  };
}

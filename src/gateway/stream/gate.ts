/**
 * The gate: lets in so many new streams per turn of the event loop, in the order in which they came.
 *
 * A new stream costs some hundred times what a write to an open one does. In a storm of them (a proxy reloaded, a
 * gateway next door killed) those that are open must still be served in between, and POSTs answered.
 *
 * While connections come none is let in: of those who wait to be accepted each turn takes one (libuv), and among them is
 * who wants a POST answered. As many as are held back so, or for as long, cannot be made many more by whoever connects.
 */
import type { Clock } from '../../clock.ts';
import type { Rest } from '../rest.ts';

export interface Gate {
  /** How many wait. */
  readonly waiting: number;
  /** Resolves when it is one's turn. */
  enter(): Promise<void>;
}

/** Some 5 ms of work. */
const ENTRIES_PER_TURN = 16;
/** Held back while connections come: no more than these, */
const HELD_BACK_MAX = 1_000;
/** and none for longer than this. */
const HELD_BACK_MS = 1_000;

interface Entry {
  readonly cameMs: number;
  letIn(): void;
}

export interface HoldingBack {
  readonly clock: Clock;
  readonly rest: Rest;
}

/** @param holding Without it whoever enters is let in also while connections come. */
export function createGate(holding: HoldingBack | null = null): Gate {
  const queue: Entry[] = [];
  let entered = 0;
  let isTurnDue = false;

  const nowMs = () => holding?.clock.elapsedMs() ?? 0;

  function isHeldBack(): boolean {
    if (!holding?.rest.isConnecting || queue.length >= HELD_BACK_MAX) return false;
    const [first] = queue;
    return first === undefined || nowMs() - first.cameMs < HELD_BACK_MS;
  }

  function nextTurn(): void {
    isTurnDue = false;
    entered = 0;
    while (queue.length > 0 && entered < ENTRIES_PER_TURN && !isHeldBack()) {
      entered++;
      queue.shift()!.letIn();
    }
    if (entered > 0 || queue.length > 0) endTurn();
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
      if (queue.length === 0 && entered < ENTRIES_PER_TURN && !isHeldBack()) entered++;
      else await new Promise<void>((letIn) => queue.push({ cameMs: nowMs(), letIn }));
    },
  };
}

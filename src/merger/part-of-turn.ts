/**
 * The part of a turn of the event loop that rounds of all shards have together: the answers of many come in one piece, and who
 * shares the process with them would wait for all of their rounds at once. What the collector takes of a round counts like the round.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Clock, systemClock } from '../clock.ts';

/** Milliseconds; the round that is begun in it may take its own time. */
const PART_MS = 5;

export class PartOfTurn {
  readonly #clock: Clock;
  #isUnderWay = false;
  #beganMs = 0;

  /** @param clock That of the work itself, whatever time its data have. */
  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  /** Undefined: go on at once. Else one is to wait for it first, in the order in which all came. */
  enter(): Promise<void> | undefined {
    return this.#isOver() ? this.#later() : undefined;
  }

  async #later(): Promise<void> {
    do await nextTurn();
    while (this.#isOver());
  }

  #isOver(): boolean {
    if (!this.#isUnderWay) {
      this.#isUnderWay = true;
      this.#beganMs = this.#clock.elapsedMs();
      setImmediate(() => {
        this.#isUnderWay = false;
      });
    }
    return this.#clock.elapsedMs() - this.#beganMs >= PART_MS;
  }
}

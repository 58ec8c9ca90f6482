/**
 * Decides when to look again at something that changes by itself: soon after a doubt, never often, and now and then
 * anyway.
 */
import { setTimeout as sleep } from 'node:timers/promises';

/** However much is in doubt, the nodes of a Cluster are asked no more often. */
const LOOK_MIN_MS = 200;
/** And as often even if nothing is in doubt: a hint can be lost. */
const LOOK_EVERY_MS = 10_000;

export class Lookout {
  readonly #look: () => Promise<void>;
  readonly #timer: NodeJS.Timeout;
  #isLooking = false;
  #isInDoubt = false;
  #isClosed = false;

  /** @param look Does not fail. */
  constructor(look: () => Promise<void>) {
    this.#look = look;
    this.#timer = setInterval(() => this.doubt(), LOOK_EVERY_MS);
  }

  /** A doubt that comes during a look is not dispelled by it: what was seen may be older. */
  doubt(): void {
    this.#isInDoubt = true;
    if (!this.#isLooking) void this.#lookUntilSure();
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#timer);
  }

  async #lookUntilSure(): Promise<void> {
    this.#isLooking = true;
    while (this.#isInDoubt && !this.#isClosed) {
      this.#isInDoubt = false;
      await this.#look();
      await sleep(LOOK_MIN_MS, undefined, { ref: false });
    }
    this.#isLooking = false;
  }
}

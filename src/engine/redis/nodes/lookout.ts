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
  /** Those who wait for the end of a look that has not begun. */
  #waiting: (() => void)[] = [];

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

  /** Resolves when a look has ended that began after this call, or at the close. */
  async looked(): Promise<void> {
    if (this.#isClosed) return;
    const looked = new Promise<void>((resolve) => void this.#waiting.push(resolve));
    this.doubt();
    await looked;
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#timer);
    this.#tell(this.#waiting);
  }

  #tell(waiting: readonly (() => void)[]): void {
    for (const resolve of waiting) resolve();
  }

  async #lookUntilSure(): Promise<void> {
    this.#isLooking = true;
    while (this.#isInDoubt && !this.#isClosed) {
      this.#isInDoubt = false;
      const waiting = this.#waiting;
      this.#waiting = [];
      await this.#look();
      this.#tell(waiting);
      await sleep(LOOK_MIN_MS, undefined, { ref: false });
    }
    this.#isLooking = false;
  }
}

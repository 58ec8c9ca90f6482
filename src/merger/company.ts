/**
 * When a shard waits for company: a round costs the merger and Redis as much as some ten changes do, so one that gets many at once
 * waits for more of them, a millisecond for each that came together, at most twenty, once it has happened twice in a row. One that
 * gets a few hundred a second is never made to wait, nor are those that gathered because something stood still for a moment.
 */

const BUSY_ENTRIES = 4;
const BUSY_PAUSE_MAX_MS = 20;

export class Company {
  /** Whether the last round had many entries. */
  #isBusy = false;

  /**
   * @param length How many entries a round took. @param waiting How many there were before it.
   * @returns Milliseconds; 0 when it is not worth it, or more is there already.
   */
  pauseAfter(length: number, waiting: number): number {
    const wasBusy = this.#isBusy;
    this.#isBusy = length >= BUSY_ENTRIES;
    return wasBusy && this.#isBusy && length === waiting ? Math.min(BUSY_PAUSE_MAX_MS, length) : 0;
  }
}

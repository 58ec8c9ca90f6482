/** What is known of each stream of a process besides its socket: a few bytes in arrays. */

export const IS_OPEN = 1;
export const WAS_OPEN = 2;
/** Cut on purpose. */
export const IS_CUT = 4;
/** The server has said that it sends it away. */
export const IS_ANNOUNCED = 8;
/** No `$sync` will be taken from this connection: what comes is not looked at. */
export const IS_OVER = 16;
export const PORT_IS_TAKEN = 32;

/** After a failure, at random up to this: what a client does that was told nothing. */
const RETRY_MS = 2000;

export class RowStates {
  /** After what time a stream comes back, at most: as the server has said. */
  readonly retryMs: Uint32Array;
  readonly #flags: Uint8Array;

  constructor(rows: number) {
    this.retryMs = new Uint32Array(rows).fill(RETRY_MS);
    this.#flags = new Uint8Array(rows);
  }

  is(row: number, flag: number): boolean {
    return (this.#flags[row]! & flag) !== 0;
  }

  set(row: number, flags: number): void {
    this.#flags[row]! |= flags;
  }

  /** A connection begins or has ended: nothing holds but that it was open once. */
  reset(row: number): void {
    this.#flags[row]! &= WAS_OPEN;
  }
}

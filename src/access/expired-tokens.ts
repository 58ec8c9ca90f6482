/**
 * Tokens whose signature was good, and whose time is over: nothing is verified again to say so, as often as somebody sends the same.
 *
 * Those that are bad need no such list: after some of them nothing from there is verified at all (`attempts.ts`).
 */

/** Of at most 4 KiB each. */
const ENTRIES_MAX = 1_000;

export class ExpiredTokens {
  readonly #tokens = new Set<string>();

  has(token: string): boolean {
    return this.#tokens.has(token);
  }

  /** The one that was added first goes. */
  add(token: string): void {
    this.#tokens.add(token);
    if (this.#tokens.size > ENTRIES_MAX) this.#tokens.delete(this.#tokens.keys().next().value!);
  }
}

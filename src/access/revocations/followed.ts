/**
 * Whom somebody follows here, of all who can be revoked: looked through when something was, in as many turns of the event loop as it takes.
 *
 * Invariant: who was followed when `look` was called, and is followed still when it has come so far, is ended if it is revoked by then. No
 * look is cut short by the next: where there is a revocation every moment, the last of a crowd has its turn as well.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { revokedToken } from '../refused-token.ts';
import type { RevocableIdentity } from '../revocable.ts';

/** Looked at before others have a turn: less than a millisecond. Those who follow end in turns of their own. */
const SLICE = 2_000;

export class Followed {
  readonly #isRevoked: (one: RevocableIdentity) => boolean;
  readonly #all = new Set<RevocableIdentity>();
  #isLooking = false;
  #isToLookAgain = false;

  constructor(isRevoked: (one: RevocableIdentity) => boolean) {
    this.#isRevoked = isRevoked;
  }

  add(one: RevocableIdentity): void {
    this.#all.add(one);
  }

  delete(one: RevocableIdentity): void {
    this.#all.delete(one);
  }

  /** The first slice at once. */
  look(): void {
    this.#isToLookAgain = true;
    if (!this.#isLooking) void this.#lookThrough();
  }

  async #lookThrough(): Promise<void> {
    this.#isLooking = true;
    while (this.#isToLookAgain) {
      this.#isToLookAgain = false;
      let left = SLICE;
      // Who comes or goes meanwhile is looked at, or is not: a Set lets itself be changed.
      for (const one of this.#all) {
        if (left === 0) {
          await nextTurn();
          left = SLICE;
        }
        left--;
        if (this.#isRevoked(one)) one.end(revokedToken());
      }
    }
    this.#isLooking = false;
  }
}

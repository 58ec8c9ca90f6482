/**
 * Waiting: what is published to a hub while it compares, in the order in which it came; too much of it is given up as a whole.
 * It counts as if it were in the ring, which is where it goes.
 */
import type { Event } from '../../domain/event.ts';
import type { Epoch } from '../../domain/position.ts';
import { type Account, eventCost } from './ring.ts';

export interface Batch {
  readonly epoch: Epoch;
  readonly events: readonly Event[];
}

/** About a page of history: what is more is read from there as fast. */
const WAITING_MAX_BYTES = 256 << 10;

export class Waiting {
  readonly #account: Account;
  #batches: Batch[] = [];
  #bytes = 0;

  constructor(account: Account) {
    this.#account = account;
  }

  /** False when that is too much: then nothing waits any more, and history has to be read again. */
  add(batch: Batch): boolean {
    let cost = 0;
    for (const event of batch.events) cost += eventCost(event);
    if (this.#bytes + cost > WAITING_MAX_BYTES) {
      this.take();
      return false;
    }
    this.#batches.push(batch);
    this.#bytes += cost;
    this.#account.account(cost);
    return true;
  }

  /** All of it, once. */
  take(): readonly Batch[] {
    const batches = this.#batches;
    this.#batches = [];
    if (this.#bytes > 0) this.#account.account(-this.#bytes);
    this.#bytes = 0;
    return batches;
  }
}

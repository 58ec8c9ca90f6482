/**
 * A shard as the comparer serves it: one call at a time, a pause after one that failed, and one accusation at a time.
 *
 * Pauses double while Redis is away, which it may be for a second or for an hour. They end with the first sign that it is back: a
 * subscription that is live again.
 */
import type { Epoch } from '../../domain/position.ts';
import type { Engine, Evidence, RenewOutcome } from '../../engine/engine.ts';
import { ShardHubs } from './shard-hubs.ts';

/** Between two tries of what failed. */
const RETRY_MIN_MS = 250;
const RETRY_MAX_MS = 2_000;

export class Served extends ShardHubs {
  /** A call is, or what it has brought is being taken. */
  isUnderWay = false;
  #retryMs = RETRY_MIN_MS;
  #pause: NodeJS.Timeout | undefined;
  #accusation: Promise<RenewOutcome> | null = null;
  /** That which an accusation has put an end to. It may come back, with an older copy of the store. */
  #pastEpoch: Epoch | null = null;

  /** Nothing else is to be begun. */
  get isBusy(): boolean {
    return this.isUnderWay || this.#pause !== undefined;
  }

  /** Redis has answered: whoever accuses from now on has seen what is there now. */
  succeeded(): void {
    this.#retryMs = RETRY_MIN_MS;
    this.#pastEpoch = null;
  }

  /** @param over Called once there may be another try. */
  failed(over: () => void): void {
    const afterMs = this.#retryMs * (0.5 + Math.random());
    this.#retryMs = Math.min(RETRY_MAX_MS, this.#retryMs * 2);
    this.#pause = setTimeout(() => {
      this.#pause = undefined;
      over();
    }, afterMs);
  }

  /** There may be another try at once, and if that fails, soon. */
  endPause(): void {
    this.#retryMs = RETRY_MIN_MS;
    clearTimeout(this.#pause);
    this.#pause = undefined;
  }

  /** Whoever comes while one is under way, or too late, has null when it is over, and looks again. */
  async accuse(engine: Engine, epoch: Epoch, evidence: Evidence): Promise<RenewOutcome | null> {
    if (epoch === this.#pastEpoch) return null;
    // What did not count now that another said, ours may not either: that is for a moment later.
    if (this.#accusation) return this.#accusation.then((outcome) => (outcome.epoch === epoch ? outcome : null));
    const accusation = engine.renew(this.shard, epoch, evidence).then((outcome) => {
      if (outcome.epoch !== epoch) this.#pastEpoch = epoch;
      return outcome;
    });
    const over = () => {
      this.#accusation = null;
    };
    accusation.then(over, over);
    this.#accusation = accusation;
    return accusation;
  }
}

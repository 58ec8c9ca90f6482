/**
 * A lane: gathers the changes of one event-loop turn and appends them in one call; while two calls are under way, those
 * of the turns until one is answered.
 *
 * This is what makes the bucket fast: a turn brings some dozens of POSTs under load, and the number of commands is what
 * costs, not their size. A change that comes alone is sent at once, and none waits for company longer than
 * `GATHER_MAX_MS`. When the engine does not answer, every change of the call is failed, and the publisher, who alone knows
 * it, sends it again.
 */
import type { Clock } from '../clock.ts';
import type { Change } from '../domain/change.ts';
import type { AppendOutcome, Engine } from '../engine/engine.ts';
import type { Metrics } from '../metrics.ts';
import type { Load } from './load.ts';

/** Called once per change: with the outcome, or with why there is none. */
export type Settle = (error: Error | null, outcome: AppendOutcome | null) => void;

export interface LaneDeps {
  readonly engine: Engine;
  readonly metrics: Metrics;
  readonly clock: Clock;
  /** What waits for an answer, in all lanes. */
  readonly load: Load;
}

/** The contract's limit for one append; and in bytes, about, as long as Redis may be busy with one for all others. */
const APPEND_MAX_CHANGES = 1000;
const APPEND_MAX_BYTES = 1 << 20;

/** One is on its way, or its answers are being written, while the store works for the other: neither has to wait. */
const CALLS_AT_ONCE = 2;

/** Some round trips to a store nearby; one that takes longer, such as for an fsync, need not be waited for. */
const GATHER_MAX_MS = 1;

const settledWithFirst: Settle = () => {};

export class Lane {
  /** Its changes that wait for an answer, and their bytes. */
  unanswered = 0;
  unansweredBytes = 0;
  readonly #deps: LaneDeps;
  #changes: Change[] = [];
  #settles: Settle[] = [];
  #bytes = 0;
  #callsUnderWay = 0;
  /** Runs while changes wait for the answer to one of the calls. */
  #gathering: NodeJS.Timeout | undefined;

  constructor(deps: LaneDeps) {
    this.#deps = deps;
  }

  append(change: Change, settle: Settle): void {
    this.#add(change, settle);
    if (this.#changes.length === 1) setImmediate(this.#endTurn);
    this.#flushIfFull();
  }

  /**
   * All in one call: what a call has for one shard is taken all or none, in its order.
   *
   * @param changes Of one shard, as many as a call may have.
   */
  appendWhole(changes: readonly Change[], settle: Settle): void {
    const bytes = changes.reduce((sum, change) => sum + change.bytes.length, 0);
    const isTooMuch =
      this.#changes.length + changes.length > APPEND_MAX_CHANGES || this.#bytes + bytes > APPEND_MAX_BYTES;
    if (this.#changes.length > 0 && isTooMuch) this.#flush();
    if (this.#changes.length === 0) setImmediate(this.#endTurn);
    for (const [i, change] of changes.entries()) this.#add(change, i === 0 ? settle : settledWithFirst);
    this.#flushIfFull();
  }

  #add(change: Change, settle: Settle): void {
    const { length } = change.bytes;
    this.unanswered++;
    this.unansweredBytes += length;
    this.#deps.load.add(length);
    this.#bytes += length;
    this.#changes.push(change);
    this.#settles.push(settle);
  }

  #flushIfFull(): void {
    if (this.#changes.length === APPEND_MAX_CHANGES || this.#bytes >= APPEND_MAX_BYTES) this.#flush();
  }

  readonly #endTurn = (): void => {
    if (this.#changes.length === 0) return;
    if (this.#callsUnderWay < CALLS_AT_ONCE) this.#flush();
    else this.#gathering ??= setTimeout(this.#flush, GATHER_MAX_MS);
  };

  readonly #flush = (): void => {
    const { engine, metrics, clock } = this.#deps;
    const batch = this.#changes;
    const waiting = this.#settles;
    const bytes = this.#bytes;
    this.#changes = [];
    this.#settles = [];
    this.#bytes = 0;
    clearTimeout(this.#gathering);
    this.#gathering = undefined;
    this.#callsUnderWay++;
    const startedMs = clock.elapsedMs();
    engine.append(batch).then(
      (outcomes) => {
        metrics.acceptSeconds.observe((clock.elapsedMs() - startedMs) / 1000);
        metrics.changesAccepted.inc(countAccepted(outcomes));
        this.#answered(waiting, bytes, (settle, i) => settle(null, outcomes[i]!));
      },
      (error: Error) => this.#answered(waiting, bytes, (settle) => settle(error, null)),
    );
  };

  #answered(waiting: readonly Settle[], bytes: number, each: (settle: Settle, i: number) => void): void {
    this.#callsUnderWay--;
    // A turn after the one that writes the answers: by then whoever was answered has sent the next.
    if (this.#changes.length > 0) setImmediate(setImmediate, this.#endTurn);
    this.unanswered -= waiting.length;
    this.unansweredBytes -= bytes;
    this.#deps.load.subtract(waiting.length, bytes);
    waiting.forEach(each);
    this.#deps.load.settled();
  }
}

function countAccepted(outcomes: readonly AppendOutcome[]): number {
  let count = 0;
  for (const outcome of outcomes) if (outcome === 'accepted') count++;
  return count;
}

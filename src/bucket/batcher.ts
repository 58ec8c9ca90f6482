/**
 * The batcher: gathers the changes of one event-loop turn and appends them in one call; while two calls are under way, those
 * of the turns until one is answered.
 *
 * This is what makes the bucket fast: a turn brings some dozens of POSTs under load, and the number of commands is what
 * costs, not their size. A change that comes alone is sent at once, and none waits for company longer than
 * `GATHER_MAX_MS`, so an engine that is slow for one shard does not hold up the others. When the engine does not answer,
 * every change of the call is failed, and the publisher, who alone knows it, sends it again.
 */
import type { Clock } from '../clock.ts';
import type { Change } from '../domain/change.ts';
import type { AppendOutcome, Engine } from '../engine/engine.ts';
import { EngineUnavailable } from '../errors.ts';
import type { Metrics } from '../metrics.ts';

/** Called once per change: with the outcome, or with why there is none. */
export type Settle = (error: Error | null, outcome: AppendOutcome | null) => void;

export interface BatcherDeps {
  readonly engine: Engine;
  readonly metrics: Metrics;
  readonly clock: Clock;
}

export interface Batcher {
  append(change: Change, settle: Settle): void;
  /** Resolves when every change so far is settled. */
  quiesce(): Promise<void>;
}

/** The contract's limit for one append; and in bytes, about, as long as Redis may be busy with one for all others. */
const APPEND_MAX_CHANGES = 1000;
const APPEND_MAX_BYTES = 1 << 20;

/** One is on its way, or its answers are being written, while the store works for the other: neither has to wait. */
const CALLS_AT_ONCE = 2;

/** Some round trips to a store nearby; one that takes longer, such as for an fsync, need not be waited for. */
const GATHER_MAX_MS = 1;

/** Changes waiting for the engine's answer, and their bytes. More mean that it is frozen: then 503 at once. */
const UNANSWERED_MAX = 20_000;
const UNANSWERED_MAX_BYTES = 64 << 20;

export function createBatcher({ engine, metrics, clock }: BatcherDeps): Batcher {
  let changes: Change[] = [];
  let settles: Settle[] = [];
  let bytes = 0;
  let unanswered = 0;
  let unansweredBytes = 0;
  let callsUnderWay = 0;
  /** Runs while changes wait for the answer to one of the calls. */
  let gathering: NodeJS.Timeout | undefined;
  let whenQuiet: (() => void)[] = [];

  function flush(): void {
    const batch = changes;
    const waiting = settles;
    const batchBytes = bytes;
    changes = [];
    settles = [];
    bytes = 0;
    clearTimeout(gathering);
    gathering = undefined;
    callsUnderWay++;
    const startedMs = clock.elapsedMs();
    engine.append(batch).then(
      (outcomes) => {
        metrics.acceptSeconds.observe((clock.elapsedMs() - startedMs) / 1000);
        metrics.changesAccepted.inc(countAccepted(outcomes));
        answered(waiting, batchBytes, (settle, i) => settle(null, outcomes[i]!));
      },
      (error: Error) => answered(waiting, batchBytes, (settle) => settle(error, null)),
    );
  }

  function answered(waiting: readonly Settle[], batchBytes: number, each: (settle: Settle, i: number) => void): void {
    callsUnderWay--;
    // A turn after the one that writes the answers: by then whoever was answered has sent the next.
    if (changes.length > 0) setImmediate(setImmediate, endTurn);
    unanswered -= waiting.length;
    unansweredBytes -= batchBytes;
    waiting.forEach(each);
    if (unanswered > 0) return;
    for (const resolve of whenQuiet) resolve();
    whenQuiet = [];
  }

  return {
    append(change, settle) {
      if (unanswered >= UNANSWERED_MAX || unansweredBytes >= UNANSWERED_MAX_BYTES) {
        settle(new EngineUnavailable('too many changes wait for an answer'), null);
        return;
      }
      unanswered++;
      unansweredBytes += change.bytes.length;
      bytes += change.bytes.length;
      changes.push(change);
      settles.push(settle);
      if (changes.length === 1) setImmediate(endTurn);
      if (changes.length === APPEND_MAX_CHANGES || bytes >= APPEND_MAX_BYTES) flush();
    },
    async quiesce() {
      if (unanswered > 0) await new Promise<void>((resolve) => whenQuiet.push(resolve));
    },
  };

  function endTurn(): void {
    if (changes.length === 0) return;
    if (callsUnderWay < CALLS_AT_ONCE) flush();
    else gathering ??= setTimeout(flush, GATHER_MAX_MS);
  }
}

function countAccepted(outcomes: readonly AppendOutcome[]): number {
  let count = 0;
  for (const outcome of outcomes) if (outcome === 'accepted') count++;
  return count;
}

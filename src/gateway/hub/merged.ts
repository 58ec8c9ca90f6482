/**
 * Who wants a state that reflects all that was accepted before waits here until the merge of its shard has come so far. The shard is
 * looked at once for all who wait, never more than once at a time; who only reads waits for nobody (P45).
 */
import type { Clock } from '../../clock.ts';
import type { Engine, Progress } from '../../engine/engine.ts';
import { Problem } from '../../errors.ts';

/** The merge takes some milliseconds as a rule: one that takes longer than this is behind, and more waiting does not help. */
const WAIT_MAX_MS = 5_000;
const FIRST_PAUSE_MS = 1;
const PAUSE_MAX_MS = 20;
/** Of a process. Each is a request, and its client's connection. */
const WAITING_MAX = 5_000;

interface Waiting {
  /** What is to be merged; null while it is not known, for it came after the look that is under way began. */
  target: number | null;
  readonly sinceMs: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export interface MergedDeps {
  readonly engine: Pick<Engine, 'readProgress'>;
  readonly clock: Clock;
}

export class Merged {
  readonly #deps: MergedDeps;
  readonly #looks = new Map<number, Look>();
  #waiting = 0;

  constructor(deps: MergedDeps) {
    this.#deps = deps;
  }

  /**
   * Resolves when all is merged that the shard had accepted when this was called.
   *
   * @throws {Problem} `not_merged` after five seconds, `overloaded` where too many wait. @throws {EngineUnavailable}
   */
  async upToNow(shard: number): Promise<void> {
    if (this.#waiting >= WAITING_MAX) throw new Problem('overloaded', 'Too many wait for the merge: try again.');
    this.#waiting++;
    const look = this.#looks.get(shard) ?? new Look(shard, this.#deps);
    this.#looks.set(shard, look);
    try {
      await look.join();
    } finally {
      this.#waiting--;
      if (look.isIdle) this.#looks.delete(shard);
    }
  }
}

/** At one shard, again and again while somebody waits. */
class Look {
  readonly #shard: number;
  readonly #deps: MergedDeps;
  #waiting: Waiting[] = [];
  #isUnderWay = false;
  #timer: NodeJS.Timeout | undefined;
  #pauseMs = FIRST_PAUSE_MS;
  /** As the look before told it. */
  #merged = 0;

  constructor(shard: number, deps: MergedDeps) {
    this.#shard = shard;
    this.#deps = deps;
  }

  get isIdle(): boolean {
    return this.#waiting.length === 0;
  }

  join(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ target: null, sinceMs: this.#deps.clock.elapsedMs(), resolve, reject });
      this.#pauseMs = FIRST_PAUSE_MS;
      if (!this.#isUnderWay) this.#begin();
    });
  }

  #begin(): void {
    clearTimeout(this.#timer);
    this.#isUnderWay = true;
    const asked = this.#waiting.length;
    this.#deps.engine.readProgress(this.#shard).then(
      (progress) => this.#told(asked, progress),
      (error: unknown) => this.#failed(asked, error),
    );
  }

  /** @param asked How many were there when the look began: of the others it says nothing. */
  #told(asked: number, { merged, accepted }: Progress): void {
    // A store that has come back with less: what was waited for may never come.
    const isLess = merged < this.#merged;
    this.#merged = merged;
    const left: Waiting[] = [];
    for (const each of this.#waiting.splice(0, asked)) {
      if (each.target === null || isLess) each.target = accepted;
      if (merged >= each.target || merged === accepted) each.resolve();
      else if (this.#deps.clock.elapsedMs() - each.sinceMs >= WAIT_MAX_MS) each.reject(late());
      else left.push(each);
    }
    const hasNew = this.#waiting.length > 0;
    this.#waiting.unshift(...left);
    this.#goOn(hasNew);
  }

  #failed(asked: number, error: unknown): void {
    for (const each of this.#waiting.splice(0, asked)) each.reject(error);
    this.#goOn(this.#waiting.length > 0);
  }

  #goOn(atOnce: boolean): void {
    this.#isUnderWay = false;
    if (this.isIdle) return;
    if (atOnce) {
      this.#begin();
      return;
    }
    this.#timer = setTimeout(() => this.#begin(), this.#pauseMs);
    this.#pauseMs = Math.min(PAUSE_MAX_MS, 2 * this.#pauseMs);
  }
}

function late(): Problem {
  return new Problem('not_merged', 'The merge is behind: what was accepted before is not in the state yet.');
}

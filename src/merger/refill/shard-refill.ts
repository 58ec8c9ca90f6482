/**
 * The refill of one shard: where its store came back with less than the archive has, what it has lost is put back before anything is
 * merged (docs/adr/0030).
 *
 * A round puts back a piece, under the lease and at the `rev` of the peek before it, and all of that is checked with it. So it may be
 * killed, frozen or cut off anywhere: whoever has the shard next looks again for what is left.
 *
 * While the archive does not answer the merge waits, but not for long. Then the store goes on with what it has, and the rest is lost.
 */
import type { ArchiveSource } from '../../archive/archive.ts';
import type { Clock } from '../../clock.ts';
import type { Engine, Peek } from '../../engine/engine.ts';
import { EngineUnavailable } from '../../errors.ts';
import type { Logger } from '../../log.ts';
import type { ReducerFor } from '../reducers/patterns.ts';
import { LostEvents } from './lost-events.ts';

export interface ShardRefillDeps {
  readonly engine: Engine;
  /** Without one nothing is put back. */
  readonly archive?: ArchiveSource | undefined;
  readonly reducerFor: ReducerFor;
  readonly leaseMs: number;
  readonly clock: Clock;
  readonly log: Logger;
}

/** A peek leaves half of a lease at least: with so much of it a piece still finds it ours. */
const PIECE_OF_LEASE = 0.25;
const RETRY_MS = 250;
/** With the pause before, and a question that nobody answers, it is less than ten seconds until the store goes on. */
const AWAY_MAX_MS = 4_000;
/** The peek that follows tells the store so. */
const GIVEN_UP_MS = 5_000;

export class ShardRefill {
  readonly #shard: number;
  readonly #deps: ShardRefillDeps;
  #lost: LostEvents | null = null;
  /** Under which, and at which `rev`, what was found is true. */
  #token = '';
  #rev = 0;
  /** Since when the archive has not answered, or what it has was refused. */
  #awayMs: number | null = null;
  #givenUpMs = Number.NEGATIVE_INFINITY;

  constructor(shard: number, deps: ShardRefillDeps) {
    this.#shard = shard;
    this.#deps = deps;
  }

  get isAble(): boolean {
    const { archive, clock } = this.#deps;
    return archive !== undefined && clock.elapsedMs() - this.#givenUpMs >= GIVEN_UP_MS;
  }

  /** After a peek that was `refill`. @returns When to peek again: at once, or after so many milliseconds. */
  async round(peek: Extract<Peek, { kind: 'refill' }>, token: string): Promise<'again' | number> {
    const { clock, leaseMs, log } = this.#deps;
    const nowMs = clock.elapsedMs();
    if (token !== this.#token) this.#begin(token);
    try {
      await this.#putBack(peek, token, nowMs + leaseMs * PIECE_OF_LEASE);
      this.#awayMs = null;
      return 'again';
    } catch (error) {
      this.#lost = null;
      if (error instanceof EngineUnavailable) throw error;
      this.#awayMs ??= nowMs;
      if (clock.elapsedMs() - this.#awayMs < AWAY_MAX_MS) return RETRY_MS;
      log.error(
        { shard: this.#shard, err: error },
        'the archive cannot be asked for what the store may have lost: the merge goes on without',
      );
      this.#givenUpMs = clock.elapsedMs();
      return 'again';
    }
  }

  #begin(token: string): void {
    this.#token = token;
    this.#lost = null;
    this.#awayMs = null;
  }

  async #putBack(peek: Extract<Peek, { kind: 'refill' }>, token: string, untilMs: number): Promise<void> {
    const { engine, archive } = this.#deps;
    const { epoch, rev } = peek;
    if (this.#lost === null || this.#rev !== rev) {
      this.#lost = new LostEvents(this.#shard, peek, token, { ...this.#deps, archive: archive! });
      this.#rev = rev;
    }
    const { channels, taken, isLast: isComplete } = await this.#lost.next(untilMs);
    if (channels.length === 0 && !isComplete) return;
    const events = isComplete && this.#lost.unfit.length === 0 ? await archive!.eventsOf(this.#shard, epoch) : 0;
    const outcome = await engine.refill(this.#shard, { token, rev, epoch, channels, taken, isComplete, events });
    if (outcome.kind === 'refused') throw new Error(`what is to be put back is refused: ${outcome.reason}`);
    this.#rev = outcome.rev;
    if (!isComplete) return;
    this.#tell(this.#lost);
    this.#lost = null;
  }

  #tell({ events, unfit }: LostEvents): void {
    const { log } = this.#deps;
    const shard = this.#shard;
    if (events > 0) log.warn({ shard, events }, 'the store had lost events: they are back, from the archive');
    if (unfit.length === 0) return;
    const fields = { shard, channels: unfit.length, channel: unfit[0] };
    log.error(fields, 'what the archive has more does not follow on what the store has: it is not put back');
  }
}

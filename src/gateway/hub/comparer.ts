/**
 * The comparer: all that a gateway asks of the store to keep its hubs true, after a loss and in turn.
 *
 * A shard is first asked what has changed since its mark: of one that has not, all hubs are level. Of the others the ends of
 * their logs are read, hundreds at once: after a loss at once, those that somebody reads first; in turn at a pace that all gateways
 * share. Two calls are under way at a time, one of a shard, so that comparing fills neither a connection nor Redis; one that is
 * late counts no more, so that a primary that does not answer keeps nobody waiting for the others. What a call has brought is
 * taken in slices of the event loop.
 */

import { systemClock } from '../../clock.ts';
import { type Channel, shardOf } from '../../domain/channel.ts';
import type { Epoch } from '../../domain/position.ts';
import type { CHANGES_MAX, TAILS_MAX } from '../../engine/comparing.ts';
import type { Engine, Evidence, RenewOutcome } from '../../engine/engine.ts';
import { EngineUnavailable } from '../../errors.ts';
import { createTurns, type Turns } from '../turns.ts';
import { PAGE_BYTES } from './hub-page.ts';
import { Served } from './served.ts';
import type { Compared, Look } from './shard-hubs.ts';
import { Slots } from './slots.ts';

export interface ComparerDeps {
  readonly engine: Engine;
  readonly turns?: Turns;
  /** How many share the store, as far as is known. */
  readonly gateways?: () => number;
  readonly onError?: (shard: number, error: unknown) => void;
}

/** Each shard is asked once in that time. What was heard of meanwhile waits for the next: twice that is within I10. */
const ROUND_MS = 2_500;
/** By all gateways together, a second: some 4 and 7 % of a Redis core (ADR 14). */
const FLEET_LOOKS_PER_S = 16_000;
const FLEET_ASKS_PER_S = 5_000;
/** As many as the engine takes, and tells. */
const LOOKS_MAX: typeof TAILS_MAX = 250;
const NAMES_MAX: typeof CHANGES_MAX = 1_000;
const UNDER_WAY_MAX = 2;
/** Milliseconds: a hundred times what a call takes. */
const LATE_MS = 250;
/** Events of a channel that a look brings: who missed more reads on by itself. */
const LOOK_EVENTS = 16;
/** Hubs that read on by themselves at a time, 256 KiB each. */
const ALONE_MAX = 16;
/** Changed channels are told by their names while they are no more than the hubs that may be among them, or so many. */
const CHANGES_MIN = 100;
/** Hubs that are one piece of a turn: a millisecond at most, where each of them has news. */
const PIECE_JUDGED = 32;
const PIECE_LOOKED = 8;

export class Comparer {
  /** For those that read on by themselves. */
  readonly alone = new Slots(ALONE_MAX);
  readonly #deps: Required<ComparerDeps>;
  /** Those with hubs; the one that was served last, at the end. */
  readonly #shards = new Map<number, Served>();
  #turn: Iterator<Served> = [][Symbol.iterator]();
  #underWay = 0;
  /** What may be asked and looked at in turn by now. */
  #asks = 0;
  #looks = 0;
  #isPumping = false;
  #isClosed = false;

  constructor(deps: Required<ComparerDeps>) {
    this.#deps = deps;
  }

  add(hub: Compared): void {
    this.#ofHub(hub).all.add(hub);
  }

  remove(hub: Compared): void {
    const served = this.#ofHub(hub);
    served.remove(hub);
    if (served.all.size === 0 && !served.isBusy) this.#shards.delete(served.shard);
  }

  /** News of it may have been missed, and there is somebody again who tells it. */
  suspect(hub: Compared): void {
    const served = this.#ofHub(hub);
    served.suspect(hub);
    served.endPause();
    this.#pumpSoon();
  }

  /** It is to be looked at, whatever its shard has to say. */
  doubt(hub: Compared): void {
    this.#ofHub(hub).doubt(hub);
    this.#pumpSoon();
  }

  prefer(hub: Compared): void {
    this.#ofHub(hub).prefer(hub);
  }

  /** One accusation of a shard at a time (`served.ts`). */
  accuse(channel: Channel, epoch: Epoch, evidence: Evidence): Promise<RenewOutcome | null> {
    const { engine } = this.#deps;
    return this.#of(shardOf(channel, engine.shards)).accuse(engine, epoch, evidence);
  }

  /** So much time has passed: some have their turn. */
  pass(ms: number): void {
    const share = ms / 1000 / Math.max(1, this.#deps.gateways());
    const rounds = (this.#shards.size * ms) / ROUND_MS;
    // What was not needed is not saved up, but for what is less than one, or less than a call.
    this.#asks = Math.min(this.#asks, 1) + Math.min(rounds, FLEET_ASKS_PER_S * share);
    this.#looks = Math.min(this.#looks, LOOKS_MAX) + FLEET_LOOKS_PER_S * share;
    for (; this.#asks >= 1; this.#asks--) {
      const served = this.#next();
      if (served) served.isTurn = true;
    }
    this.#pumpSoon();
  }

  close(): void {
    this.#isClosed = true;
    for (const served of this.#shards.values()) served.endPause();
    this.#shards.clear();
  }

  /** Once the turn is over: all that is lost together is suspected together. */
  #pumpSoon(): void {
    if (this.#isPumping || this.#isClosed) return;
    this.#isPumping = true;
    setImmediate(() => {
      this.#isPumping = false;
      this.#pump();
    });
  }

  #pump(): void {
    while (this.#underWay < UNDER_WAY_MAX && !this.#isClosed) {
      const served = this.#mostUrgent();
      if (!served) return;
      this.#shards.delete(served.shard);
      this.#shards.set(served.shard, served);
      void this.#serve(served);
    }
  }

  #mostUrgent(): Served | undefined {
    let best: Served | undefined;
    for (const served of this.#shards.values()) {
      const { urgency } = served;
      if (served.isBusy || urgency === undefined) continue;
      if (urgency === 2 && !served.isToBeAsked && this.#looks < 1) continue;
      if (urgency === 0) return served;
      if (best === undefined || urgency < best.urgency!) best = served;
    }
    return best;
  }

  async #serve(served: Served): Promise<void> {
    served.isUnderWay = true;
    this.#underWay++;
    let isCounted = true;
    const free = () => {
      if (isCounted) this.#underWay--;
      isCounted = false;
      this.#pumpSoon();
    };
    const late = setTimeout(free, LATE_MS);
    try {
      await (served.isToBeAsked ? this.#ask(served) : this.#look(served));
      served.succeeded();
    } catch (error) {
      this.#deps.onError(served.shard, error);
      served.failed(() => this.#pumpSoon());
    }
    clearTimeout(late);
    served.isUnderWay = false;
    free();
    if (served.all.size === 0 && !served.isBusy) this.#shards.delete(served.shard);
  }

  async #ask(served: Served): Promise<void> {
    const suspected = served.takeSuspected();
    const { mark } = served;
    // Nothing is level by a mark whose changes were not gone through to the end.
    served.mark = null;
    try {
      const limit = Math.min(NAMES_MAX, Math.max(CHANGES_MIN, served.all.size));
      const found = await this.#deps.engine.readChanges(served.shard, mark, limit);
      served.isTurn = false;
      const changed = found.channels && new Set(found.channels);
      let count = 0;
      for (const hub of served.all) {
        if (count++ % PIECE_JUDGED === 0) await this.#deps.turns.enter();
        if (served.all.has(hub)) served.judge(hub, suspected, changed, found);
      }
      served.mark = found.mark;
    } catch (error) {
      if (error instanceof EngineUnavailable) served.mark = mark;
      for (const hub of suspected) if (served.all.has(hub)) served.suspect(hub);
      throw error;
    }
  }

  async #look(served: Served): Promise<void> {
    const isInTurn = served.urgency === 2;
    const taken = served.take(LOOKS_MAX, Math.floor(this.#looks));
    if (isInTurn) this.#looks -= taken.length;
    const looks: [Compared, Look][] = [];
    for (const hub of taken) {
      const look = hub.look();
      if (look) looks.push([hub, look]);
    }
    if (looks.length === 0) return;
    const wanted = looks.map(([{ channel }, { after }]) => ({ channel, after }));
    let pages: Awaited<ReturnType<Engine['readTails']>>;
    try {
      pages = await this.#deps.engine.readTails(served.shard, wanted, LOOK_EVENTS, PAGE_BYTES);
    } catch (error) {
      const isAway = error instanceof EngineUnavailable;
      for (const [hub] of looks) isAway ? hub.unlooked(error) : hub.lookAlone();
      if (isAway) throw error;
      return;
    }
    let failure: unknown;
    for (const [i, [hub, look]] of looks.entries()) {
      if (i % PIECE_LOOKED === 0) await this.#deps.turns.enter();
      try {
        hub.looked(look, pages[i] ?? null);
      } catch (error) {
        failure ??= error;
        hub.unlooked(error);
      }
    }
    if (failure) throw failure;
  }

  #ofHub({ channel }: Compared): Served {
    return this.#of(shardOf(channel, this.#deps.engine.shards));
  }

  #of(shard: number): Served {
    let served = this.#shards.get(shard);
    if (!served) {
      served = new Served(shard);
      this.#shards.set(shard, served);
    }
    return served;
  }

  /** One after the other, round and round. */
  #next(): Served | undefined {
    let next = this.#turn.next();
    if (next.done) {
      this.#turn = [...this.#shards.values()][Symbol.iterator]();
      next = this.#turn.next();
    }
    return next.done ? undefined : next.value;
  }
}

/** @param deps A gateway gives all of them. */
export function createComparer({
  engine,
  turns = createTurns(systemClock),
  gateways = () => 1,
  onError = () => undefined,
}: ComparerDeps): Comparer {
  return new Comparer({ engine, turns, gateways, onError });
}

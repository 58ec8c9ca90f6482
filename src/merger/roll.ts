/**
 * The roll call of the mergers: how many there are, and which of them this one is, by a number that it has drawn.
 *
 * What others say of themselves is at most a round old; whoever needs to know it now asks at once (`hurry`).
 */
import { createHash, randomInt, randomUUID } from 'node:crypto';
import type { Clock } from '../clock.ts';
import type { Engine } from '../engine/engine.ts';
import type { Logger } from '../log.ts';

export interface RollDeps {
  readonly engine: Pick<Engine, 'gather'>;
  readonly log: Logger;
  readonly clock: Clock;
  /** What `tagOf` makes of the settings that all mergers have to have in common. */
  readonly tag: number;
}

const TAGS = 2 ** 20;
/** A figure is a tag and a number that was drawn: together the 52 bits that a store tells exactly. */
const DRAWN = 2 ** 32;
/** A merger that comes has its share some rounds later, and one that was killed is out of it before its leases are over. */
const INTERVAL_MS = 1_000;
const TTL_MS = 3 * INTERVAL_MS;
/** Many shards may want to know it at once. */
const HURRY_MS = 100;

export function tagOf(settings: unknown): number {
  return createHash('sha256').update(JSON.stringify(settings)).digest().readUInt32BE() % TAGS;
}

export class Roll {
  readonly #deps: RollDeps;
  readonly #member = randomUUID();
  readonly #figure: number;
  readonly #onChange: () => void;
  #figures: readonly number[] = [];
  #askedMs = Number.NEGATIVE_INFINITY;
  /** When somebody was last seen to have other settings. */
  #differedMs = Number.NEGATIVE_INFINITY;
  #isOfOneMind = true;
  #isAsking = false;
  #isClosed = false;
  #timer: NodeJS.Timeout | undefined;

  /** @param onChange Others have come or gone, or are of one mind again. */
  constructor(deps: RollDeps, onChange: () => void) {
    this.#deps = deps;
    this.#onChange = onChange;
    this.#figure = deps.tag * DRAWN + randomInt(DRAWN);
  }

  /** How many there are, this one among them; 0 until it is known. */
  get mergers(): number {
    return this.#figures.length;
  }

  /** How many of them come before this one. */
  get place(): number {
    return this.#figures.filter((each) => each < this.#figure).length;
  }

  /** Whether all have the same settings; after some had others, once they have been away for as long as one is remembered. */
  get isOfOneMind(): boolean {
    return this.#isOfOneMind;
  }

  /** Resolves when the others are known, or cannot be asked yet. */
  async start(): Promise<void> {
    await this.#ask();
    if (!this.#isClosed) this.#timer = setInterval(() => void this.#ask(), INTERVAL_MS);
  }

  hurry(): void {
    if (this.#deps.clock.elapsedMs() - this.#askedMs >= HURRY_MS) void this.#ask();
  }

  /** The others count on one less. */
  async leave(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#timer);
    await this.#gather(0);
  }

  async #ask(): Promise<void> {
    if (this.#isAsking || this.#isClosed) return;
    this.#isAsking = true;
    this.#askedMs = this.#deps.clock.elapsedMs();
    const figures = await this.#gather(TTL_MS);
    this.#isAsking = false;
    if (figures === null || this.#isClosed) return;
    const { tag } = this.#deps;
    const sorted = [...new Set([...figures, this.#figure])].sort((a, b) => a - b);
    if (sorted.some((each) => Math.floor(each / DRAWN) !== tag)) this.#differedMs = this.#askedMs;
    const isOfOneMind = this.#askedMs - this.#differedMs > TTL_MS;
    if (String(sorted) === String(this.#figures) && isOfOneMind === this.#isOfOneMind) return;
    this.#figures = sorted;
    this.#isOfOneMind = isOfOneMind;
    this.#onChange();
  }

  #gather(ttlMs: number): Promise<readonly number[] | null> {
    const { engine, log } = this.#deps;
    return engine.gather('mergers', this.#member, this.#figure, ttlMs).catch((error: unknown) => {
      log.debug({ err: error }, 'the other mergers cannot be asked');
      return null;
    });
  }
}

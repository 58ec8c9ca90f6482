/** How many shards this merger has, and how many of all are its own: no two mergers who know of each other want the same. */

export interface Place {
  /** How many mergers there are; 0: not known. */
  readonly mergers: number;
  /** How many of them come before this one. */
  readonly place: number;
}

/** All shares together are all shards, and none is larger than another by more than one. */
export function shareOf(shards: number, { mergers, place }: Place): number {
  if (mergers === 0) return 0;
  return Math.floor(shards / mergers) + (place < shards % mergers ? 1 : 0);
}

export class Share {
  readonly #shards: number;
  readonly #place: Place;
  readonly #onHeld: (count: number) => void;
  #held = 0;
  /** Until then more is kept than is its own (`tenure.ts`). */
  keptUntilMs = Number.NEGATIVE_INFINITY;

  /** @param place Asked whenever it matters. @param onHeld Told how many are held, whenever that changes. */
  constructor(shards: number, place: Place, onHeld: (count: number) => void = () => {}) {
    this.#shards = shards;
    this.#place = place;
    this.#onHeld = onHeld;
  }

  get held(): number {
    return this.#held;
  }

  get hasRoom(): boolean {
    return this.#held < shareOf(this.#shards, this.#place);
  }

  /** Whether some of what is held is another's. */
  get isExceeded(): boolean {
    return this.#place.mergers > 1 && this.#held > shareOf(this.#shards, this.#place);
  }

  add(): void {
    this.#onHeld(++this.#held);
  }

  remove(): void {
    this.#onHeld(--this.#held);
  }
}

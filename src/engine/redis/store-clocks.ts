/** What the clocks of shards say (`lua/store-clock.lua`), between two answers of Redis that told: to give events the time of their merging. */
export class StoreClocks {
  readonly #elapsedMs: () => number;
  readonly #told = new Map<number, { readonly clockMs: number; readonly atMs: number }>();

  /** @param elapsedMs A clock that never goes back. */
  constructor(elapsedMs: () => number) {
    this.#elapsedMs = elapsedMs;
  }

  tell(shard: number, clockMs: number): void {
    this.#told.set(shard, { clockMs, atMs: this.#elapsedMs() });
  }

  /** To the millisecond; undefined while it was not told. */
  nowMs(shard: number): number | undefined {
    const told = this.#told.get(shard);
    return told && Math.round(told.clockMs + this.#elapsedMs() - told.atMs);
  }
}

/** Which shards' merges fail, and why: a store that is away fails all of them four times a second, and that is said once. */
export class Failures {
  readonly #reasons = new Map<number, string>();
  /** How many shards fail for each. */
  readonly #counts = new Map<string, number>();

  /** @returns Whether it is news: no shard failed for this reason until now. */
  add(shard: number, error: unknown): boolean {
    const reason = String(error);
    if (this.#reasons.get(shard) === reason) return false;
    this.remove(shard);
    const count = this.#counts.get(reason) ?? 0;
    this.#reasons.set(shard, reason);
    this.#counts.set(reason, count + 1);
    return count === 0;
  }

  /** The shard's merge is well again. */
  remove(shard: number): void {
    const reason = this.#reasons.get(shard);
    if (reason === undefined) return;
    this.#reasons.delete(shard);
    const left = this.#counts.get(reason)! - 1;
    if (left > 0) this.#counts.set(reason, left);
    else this.#counts.delete(reason);
  }
}

/**
 * What each shard's inbox began with when it was last read here, until it is committed: the commit tells Redis which
 * entry it believes to be the last of those it takes away (`lua/commit.lua`, ARGV[4]).
 */
import type { Commit } from '../engine.ts';

export class LastPeeks {
  readonly #byShard = new Map<number, { rev: number; raws: readonly Buffer[] }>();

  keep(shard: number, rev: number, raws: readonly Buffer[]): void {
    if (raws.length === 0) this.#byShard.delete(shard);
    else this.#byShard.set(shard, { rev, raws });
  }

  /** What a wake told. What a peek read at the same rev begins with it, and may be more. */
  keepFound(shard: number, rev: number, raws: readonly Buffer[]): void {
    if (this.#byShard.get(shard)?.rev !== rev) this.keep(shard, rev, raws);
  }

  /**
   * The last of the entries that the commit takes, and those read behind them, with which the inbox begins afterwards. Empty
   * where this process did not read so far. A commit that is refused is followed by another peek.
   */
  take(shard: number, { rev, entries }: Commit): { readonly lastEntry: Buffer; readonly rest: readonly Buffer[] } {
    const read = this.#byShard.get(shard);
    this.#byShard.delete(shard);
    const raws = read?.rev === rev ? read.raws : [];
    return { lastEntry: raws[entries - 1] ?? Buffer.alloc(0), rest: raws.slice(entries) };
  }
}

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

  /** Empty where this process did not read so far. A commit that is refused is followed by another peek. */
  take(shard: number, commit: Commit): Buffer {
    const read = this.#byShard.get(shard);
    this.#byShard.delete(shard);
    return (read?.rev === commit.rev ? read.raws[commit.entries - 1] : undefined) ?? Buffer.alloc(0);
  }
}

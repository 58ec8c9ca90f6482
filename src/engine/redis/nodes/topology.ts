/** Which primary of a Cluster serves which shard, as far as is known. Pure: `cluster.ts` asks the nodes. */
import calculateSlot from 'cluster-key-slot';
import { mostNamed, type View } from './views.ts';

/** The slot of every key of a shard, by what stands in their braces (Redis Cluster specification). */
export function slotOf(shard: number): number {
  return calculateSlot(String(shard));
}

export class Topology {
  readonly #slots: readonly number[];
  /** By shard. */
  readonly #owners: (string | undefined)[];
  #listed: readonly string[] = [];

  constructor(shards: number) {
    this.#slots = Array.from({ length: shards }, (_, shard) => slotOf(shard));
    this.#owners = this.#slots.map(() => undefined);
  }

  /** `host:port` of its primary; undefined while none was known to serve it. */
  ownerOf(shard: number): string | undefined {
    return this.#owners[shard];
  }

  /** Every primary that has a slot, one of ours or not, and those whose shards nobody else is known to serve. */
  get primaries(): ReadonlySet<string> {
    return new Set([...this.#listed, ...this.#owners.filter((owner) => owner !== undefined)]);
  }

  /** What a node said with MOVED. Whether that was news. */
  moved(slot: number, address: string): boolean {
    let isNews = false;
    for (const [shard, own] of this.#slots.entries()) {
      if (own !== slot || this.#owners[shard] === address) continue;
      this.#owners[shard] = address;
      isNews = true;
    }
    return isNews;
  }

  /**
   * What nodes answered to CLUSTER SLOTS. A shard is served by whom most of them name; where as many name another, and where none is
   * named, by the last that was known. Whether that was news.
   */
  learn(views: readonly View[]): boolean {
    if (views.length === 0) return false;
    this.#listed = views.flatMap((ranges) => ranges.map(({ address }) => address));
    let isNews = false;
    for (const [shard, slot] of this.#slots.entries()) {
      const known = this.#owners[shard];
      const { owner } = mostNamed(slot, views, known);
      if (owner === known) continue;
      this.#owners[shard] = owner;
      isNews = true;
    }
    return isNews;
  }

  /** Whether more than half of so many that were asked agree about each shard already. */
  isAgreed(views: readonly View[], asked: number): boolean {
    return this.#slots.every((slot) => mostNamed(slot, views, undefined).votes > asked / 2);
  }
}

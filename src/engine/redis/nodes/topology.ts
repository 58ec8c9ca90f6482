/** Which primary of a Cluster serves which shard, as far as is known. Pure: `cluster.ts` asks the nodes. */
import calculateSlot from 'cluster-key-slot';
import { join } from './addresses.ts';
import type { Reply } from './calls.ts';

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
   * What a node answered to CLUSTER SLOTS. Whether that was news. A shard that it knows no primary of keeps the last.
   *
   * @param askedHost Stands for a host that the node does not name: it does not know by which name it is reached.
   */
  learn(slots: Reply, askedHost: string): boolean {
    const ranges = (slots as [first: number, last: number, primary: Reply[]][]).map(([first, last, primary]) => {
      const [host, port] = primary;
      return { first, last, address: join(String(host ?? '') || askedHost, Number(port)) };
    });
    if (ranges.length === 0) return false;
    this.#listed = ranges.map(({ address }) => address);
    let isNews = false;
    for (const [shard, slot] of this.#slots.entries()) {
      const owner = ranges.find(({ first, last }) => first <= slot && slot <= last)?.address;
      if (owner === undefined || owner === this.#owners[shard]) continue;
      this.#owners[shard] = owner;
      isNews = true;
    }
    return isNews;
  }
}

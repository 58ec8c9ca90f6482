/** Whoever hears what is published under some names of one shard. */
export interface Listener {
  published(name: string, payload: Buffer): void;
  /** Something may have been published for this shard that it was not told of. */
  missed(shard: number): void;
}

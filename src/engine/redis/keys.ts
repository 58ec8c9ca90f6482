/**
 * Names of keys and pub/sub channels in Redis: the only place that spells them.
 *
 * Everything of a shard carries the one hash tag `{<shard>}`, so that on a Cluster it is in one slot, where a script
 * can reach it and an SSUBSCRIBE can follow it. Channel names need no escaping (domain/channel.ts).
 */
import type { Channel } from '../../domain/channel.ts';
import type { RollName } from '../engine.ts';

export interface ShardKeys {
  /** What all of them begin with. */
  readonly base: string;
  /** list: accepted changes, the oldest first. */
  readonly inbox: string;
  /**
   * hash: epoch, rev, popped, events, forgotten, mergeFrom; server, serverReplId (`lua/this-server.lua`), serverBefore and serverSince
   * (its `rev` then); lease, leaseUntil, leaseMs (`lua/peek.lua`); clock, clockAt (`lua/store-clock.lua`); fork…, parent… (`lua/lineage.lua`);
   * archiving, unarchived, unarchivedBytes (`lua/mark-archived.lua`); refill… (`lua/refilling.lua`).
   */
  readonly shard: string;
  /** zset `<channel> <from>` -> when this publisher may be forgotten, ms of the shard's clock. */
  readonly dedupeExpiry: string;
  /** zset channel -> `rev` of its last commit with events: the longest silent come first. */
  readonly recent: string;
  /** zset channel -> `events` of the shard when the channel was forgotten. */
  readonly forgotten: string;
  /** list: entries nobody could read, the newest last. */
  readonly bad: string;
  /** pub/sub: the inbox was empty and is not any more, the shard has a new epoch, or its lease was given back. */
  readonly wake: string;
  /** pub/sub: the shard has a new epoch. */
  readonly epoch: string;
  /** What the pub/sub names of its channels begin with (`ChannelKeys.events`). */
  readonly eventsPrefix: string;
}

/** Each is put together when it is asked for: most calls need two of the six. */
export class ChannelKeys {
  readonly #shard: ShardKeys;
  readonly #channel: Channel;

  constructor(shard: ShardKeys, channel: Channel) {
    this.#shard = shard;
    this.#channel = channel;
  }

  /**
   * hash: head, base, reducer, fold (`lua/channel-epoch.lua`), used (ms of the shard's clock at its last event); with a state also size (bytes of it), and
   * indexed and indexedFrom (`index` is complete between them); fork, forkSince (`lua/lineage.lua`); archived, archivedFrom (`lua/mark-archived.lua`); erased, counted:… (`lua/erase.lua`). No hash, no channel.
   */
  get meta(): string {
    return `${this.#shard.base}m:${this.#channel}`;
  }

  /** list: the newest events, the oldest of them first; offset = head - (length - 1 - index). */
  get history(): string {
    return `${this.#shard.base}h:${this.#channel}`;
  }

  /** hash: field -> MessagePack `[offset, bytes | nil]`. */
  get state(): string {
    return `${this.#shard.base}s:${this.#channel}`;
  }

  /** zset: field -> head after the commit that changed it last, of the fields that changed last. */
  get index(): string {
    return `${this.#shard.base}i:${this.#channel}`;
  }

  /** hash: from -> last merged seq. */
  get dedupe(): string {
    return `${this.#shard.base}d:${this.#channel}`;
  }

  /** pub/sub: what each commit added. */
  get events(): string {
    return `${this.#shard.eventsPrefix}${this.#channel}`;
  }
}

export class Keys {
  /** How many shards the channels in this store are spread over. */
  readonly shards: string;
  /** The number of the data's format (`start/fit.ts`). */
  readonly format: string;
  /** hash member -> figure and until when it counts (`gather`). */
  readonly members: Readonly<Record<RollName, string>>;
  readonly #prefix: string;
  readonly #ofShard: readonly ShardKeys[];

  constructor(prefix: string, shards: number) {
    this.#prefix = prefix;
    // Of no shard, but somewhere they have to be: with shard 0.
    this.shards = `${prefix}:{0}:shards`;
    this.format = `${prefix}:{0}:format`;
    this.members = { gateways: `${prefix}:{0}:members`, mergers: `${prefix}:{0}:mergers` };
    this.#ofShard = Array.from({ length: shards }, (_, shard) => {
      const base = `${prefix}:{${shard}}:`;
      return {
        base,
        inbox: `${base}inbox`,
        shard: `${base}shard`,
        dedupeExpiry: `${base}dx`,
        recent: `${base}c`,
        forgotten: `${base}f`,
        bad: `${base}bad`,
        wake: `${base}wake`,
        epoch: `${base}epoch`,
        eventsPrefix: `${base}e:`,
      };
    });
  }

  ofShard(shard: number): ShardKeys {
    const keys = this.#ofShard[shard];
    if (keys === undefined) throw new RangeError(`there is no shard ${shard}`);
    return keys;
  }

  /** Of what is no log: passes (`access/sessions/redis-store.ts`). */
  ofAccess(shard: number, name: string): string {
    return `${this.#prefix}:{${shard}}:a:${name}`;
  }

  ofChannel(shard: number, channel: Channel): ChannelKeys {
    return new ChannelKeys(this.ofShard(shard), channel);
  }
}

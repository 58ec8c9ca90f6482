/**
 * One connection that listens to pub/sub. It knows nothing of who listens for what: `subscriber.ts` does.
 *
 * What was subscribed to is gone when the connection closes, and when Redis unsubscribes us by itself because a slot
 * has moved; either way the line is `lost`, and whoever wants to hear has to subscribe again. A connection that is
 * silent, neither published messages nor an answer to PING, is replaced: a black-holed one would be silent for ever.
 */
import type { Redis } from 'ioredis';
import { call, noted, replyCodeOf } from '../nodes/calls.ts';
import { closeClient } from '../nodes/clients.ts';
import { replaceConnection } from '../nodes/replacing.ts';
import { keepNoNames } from './no-names.ts';

export interface LineNews {
  published(line: Line, name: string, payload: Buffer): void;
  /** Of all that it was subscribed to, nothing may arrive any more. */
  lost(line: Line): void;
  /** It takes subscriptions, for the first time or again. */
  ready(line: Line): void;
}

const PING_EVERY_MS = 1_000;
/** After so long without any sign the connection is replaced. Also how long a SSUBSCRIBE may take. */
export const SILENCE_MAX_MS = 3_000;

export class Line {
  readonly #redis: Redis;
  readonly #news: LineNews;
  readonly #pings: NodeJS.Timeout;
  /** Unlike ioredis' own status, true only once `ready` was told: nothing is live by an old acknowledgement. */
  #isConnected: boolean;
  #isPinging = false;
  /** Nothing was published to us since the last look: time for a PING. One sent amid a flood would wait behind it. */
  #isQuiet = true;
  /**
   * What ioredis calls `moved`: an unsubscription that we did not ask for, or MOVED as the answer to a subscription.
   */
  #moves = 0;

  constructor(redis: Redis, news: LineNews) {
    this.#redis = redis;
    this.#news = news;
    this.#isConnected = redis.status === 'ready';
    redis.on('smessageBuffer', (name: Buffer, payload: Buffer) => {
      this.#isQuiet = false;
      news.published(this, String(name), payload);
    });
    redis.on('close', () => {
      if (this.#isConnected) news.lost(this);
      this.#isConnected = false;
    });
    redis.on('ready', () => {
      this.#isConnected = true;
      news.ready(this);
    });
    redis.on('moved', () => this.#noteMove());
    redis.on('error', (error: Error) => {
      // An unsubscription of ours crossed one of Redis': from here on replies are taken for those of other commands.
      if (error.message.startsWith('Command queue state error')) this.replace();
    });
    this.#pings = setInterval(() => void this.#ping(), PING_EVERY_MS);
  }

  get isConnected(): boolean {
    return this.#isConnected;
  }

  /** @param names Of one shard: on a Cluster, one command reaches one slot. */
  async subscribe(names: readonly string[]): Promise<void> {
    try {
      await call(this.#redis, 'ssubscribe', [...names]);
      keepNoNames(this.#redis);
    } catch (error) {
      if (replyCodeOf(error) === 'MOVED') this.#moves--;
      throw noted(this.#redis, error);
    }
  }

  /** If this fails, the connection goes, and with it the subscription. */
  unsubscribe(names: readonly string[]): void {
    if (!this.#isConnected) return;
    call(this.#redis, 'sunsubscribe', [...names]).catch((error: unknown) => {
      if (replyCodeOf(error) === undefined) this.replace();
    });
  }

  replace(): void {
    replaceConnection(this.#redis);
  }

  async close(): Promise<void> {
    clearInterval(this.#pings);
    await closeClient(this.#redis);
  }

  /**
   * A slot with many names comes as many unsubscriptions at once; and those moves that `subscribe` knows of are its
   * own.
   */
  #noteMove(): void {
    this.#moves++;
    if (this.#moves !== 1) return;
    setImmediate(() => {
      const isLost = this.#moves > 0;
      this.#moves = 0;
      if (isLost) this.#news.lost(this);
    });
  }

  async #ping(): Promise<void> {
    const wasQuiet = this.#isQuiet;
    this.#isQuiet = true;
    if (!wasQuiet || this.#isPinging || !this.#isConnected) return;
    this.#isPinging = true;
    // Nothing that Redis could answer but PONG is right.
    await call(this.#redis, 'ping', []).catch(() => this.replace());
    this.#isPinging = false;
  }
}

/**
 * Listens to pub/sub over a connection of its own, and says when it may have missed something.
 *
 * Redis keeps nothing for who is away, so a listener has to know. The states of a name:
 *
 *   asked       SSUBSCRIBE was sent; `listen` waits for its acknowledgement, and fails with it
 *   live        acknowledged: everything published from then on arrives, in order
 *   lost        the connection closed, or Redis unsubscribed us by itself (a moved slot). Nothing arrives and nobody
 *               is told yet: what they would do about it, reading, they can only do once they are live again
 *   asked       the connection is ready again: every name is asked for anew
 *   live        only now its listeners are told that they `missed` something; they compare with what is stored
 *
 * Invariant: a name is asked for as long as it has listeners. A connection that is silent, neither published messages
 * nor an answer to PING, is taken for lost: a black-holed one would be silent for ever.
 */
import type { Redis } from 'ioredis';
import { EngineUnavailable } from '../../errors.ts';
import type { Subscription } from '../engine.ts';
import { call, closeClient, type EngineLog, openClient, reasonOf } from './clients.ts';

export interface Listener {
  published(name: string, payload: Buffer): void;
  /** Something may have been published under its names that it was not told of. */
  missed(): void;
}

interface Name {
  readonly listeners: Set<Listener>;
  /** The answer to the last SSUBSCRIBE for it. */
  acknowledged: Promise<unknown>;
}

const PING_EVERY_MS = 1_000;
/** After so long without any sign the connection is replaced. Also how long a SSUBSCRIBE may take. */
export const SILENCE_MAX_MS = 3_000;
/** Names in one SSUBSCRIBE: a few tens of KB, so that a PING never waits long behind them. */
const NAMES_PER_COMMAND = 500;

export async function openSubscriber(url: string, log: EngineLog): Promise<Subscriber> {
  return new Subscriber(await openClient({ url, name: 'subscriber', commandTimeoutMs: SILENCE_MAX_MS, log }), log);
}

export class Subscriber {
  readonly #redis: Redis;
  readonly #log: EngineLog;
  readonly #names = new Map<string, Name>();
  readonly #pings: NodeJS.Timeout;
  /** Unlike ioredis' own status, true only once `#recover` has begun: no name is live by an old acknowledgement. */
  #isConnected = true;
  #isPinging = false;
  /** Nothing was published to us since the last look: time for a PING. One sent amid a flood would wait behind it. */
  #isQuiet = true;
  /** +1 whenever everything has to be asked for anew; what was begun under an older one is given up. */
  #generation = 0;

  constructor(redis: Redis, log: EngineLog) {
    this.#redis = redis;
    this.#log = log;
    redis.on('smessageBuffer', (name: Buffer, payload: Buffer) => this.#deliver(String(name), payload));
    redis.on('close', () => {
      this.#isConnected = false;
    });
    redis.on('ready', () => {
      this.#isConnected = true;
      void this.#recover();
    });
    // ioredis says `moved` for a sunsubscribe that answers no command of ours.
    redis.on('moved', () => void this.#recover());
    this.#pings = setInterval(() => void this.#ping(), PING_EVERY_MS);
  }

  /** Resolves once whatever is published under these names will arrive. It may arrive a little before that. */
  async listen(names: readonly string[], listener: Listener): Promise<Subscription> {
    if (!this.#isConnected) throw new EngineUnavailable('Redis is not connected: nobody can subscribe');
    const asked: string[] = [];
    for (const name of names) {
      const known = this.#names.get(name);
      if (known === undefined) asked.push(name);
      else known.listeners.add(listener);
    }
    if (asked.length > 0) {
      const acknowledged = call(this.#redis, 'ssubscribe', asked);
      for (const name of asked) this.#names.set(name, { listeners: new Set([listener]), acknowledged });
    }
    try {
      await Promise.all(names.map((name) => this.#names.get(name)!.acknowledged));
    } catch (error) {
      this.#leave(names, listener);
      throw error;
    }
    let isOpen = true;
    return {
      close: () => {
        if (isOpen) this.#leave(names, listener);
        isOpen = false;
      },
    };
  }

  async close(): Promise<void> {
    clearInterval(this.#pings);
    this.#generation++;
    this.#names.clear();
    await closeClient(this.#redis);
  }

  #leave(names: readonly string[], listener: Listener): void {
    const left: string[] = [];
    for (const name of names) {
      const known = this.#names.get(name);
      if (!known?.listeners.delete(listener) || known.listeners.size > 0) continue;
      this.#names.delete(name);
      left.push(name);
    }
    // If this fails, the connection goes, and with it the subscription.
    if (left.length > 0 && this.#isConnected) {
      call(this.#redis, 'sunsubscribe', left).catch(() => undefined);
    }
  }

  #deliver(name: string, payload: Buffer): void {
    this.#isQuiet = false;
    for (const listener of this.#names.get(name)?.listeners ?? []) {
      this.#tell(() => listener.published(name, payload));
    }
  }

  /** One listener's mistake must not keep the news from the others. */
  #tell(news: () => void): void {
    try {
      news();
    } catch (err) {
      this.#log.error({ err }, 'a listener failed');
    }
  }

  /** Asks for every name anew, then tells all their listeners. If it fails, the connection closes and this runs again. */
  async #recover(): Promise<void> {
    const generation = ++this.#generation;
    const names = [...this.#names.keys()];
    try {
      for (let i = 0; i < names.length; i += NAMES_PER_COMMAND) {
        const batch = names.slice(i, i + NAMES_PER_COMMAND).filter((name) => this.#names.has(name));
        if (batch.length === 0) continue;
        const acknowledged = call(this.#redis, 'ssubscribe', batch);
        for (const name of batch) this.#names.get(name)!.acknowledged = acknowledged;
        await acknowledged;
        // Meanwhile names may have come, which asked for themselves, and gone, which the filter above leaves out.
        if (generation !== this.#generation) return;
      }
    } catch (error) {
      this.#log.warn({ reason: reasonOf(error as Error) }, 'could not subscribe again');
      if (generation === this.#generation) this.#redis.disconnect(true);
      return;
    }
    const told = new Set<Listener>();
    for (const name of names) for (const listener of this.#names.get(name)?.listeners ?? []) told.add(listener);
    for (const listener of told) this.#tell(() => listener.missed());
  }

  async #ping(): Promise<void> {
    const wasQuiet = this.#isQuiet;
    this.#isQuiet = true;
    if (!wasQuiet || this.#isPinging || !this.#isConnected) return;
    this.#isPinging = true;
    // Fails after SILENCE_MAX_MS, and `call` then replaces the connection.
    await call(this.#redis, 'ping', []).catch(() => undefined);
    this.#isPinging = false;
  }
}

/**
 * REDIS_WAIT_REPLICAS: an append counts only when so many replicas have it (WAIT), on the append's own connection.
 *
 * WAIT speaks of what its own connection has written. On a new connection it would be satisfied by nothing at all, so
 * an append whose connection was replaced before its WAIT was answered has an unknown outcome, like one that too few
 * replicas have: the publisher is told to send again.
 *
 * WAIT also blocks its connection until the replicas answer. One WAIT is under way at a time, and the next covers all
 * that were appended meanwhile: their number per second, not that of the appends, is bound by the replicas' round trip.
 *
 * Why only appends wait, and a commit does not. Replication is a prefix: a promoted replica has everything up to some
 * point and nothing after it. Say it lacks commits of the old primary. Then it has the inbox as it was before them,
 * with every acknowledged change in it, and heads, state, last seqs and `rev` of that same moment, since a commit is
 * one script. So those changes are merged again, none is lost or doubled in the log. But events of the lost commits may
 * have been published already, and the same changes may become others under the same offsets: other times, or another
 * order with changes that were never acknowledged. Whoever saw the first ones says so: the merger that was told a
 * higher `rev`, the hubs whose head is ahead or whose event differs (`renew`; `lua/peek.lua` gives them time). The
 * shard gets a new epoch, and every stream is told `reset`. If nobody saw them, nobody can tell the difference.
 *
 * What it does not cover. A replica acknowledges what it has in memory (Redis 7.0 cannot be asked for its disk). With
 * fewer acknowledgements than replicas, one that lacks the change may still be promoted. MIGRATE of a slot waits for no
 * replica.
 */
import type { Redis } from 'ioredis';
import { EngineUnavailable } from '../../../errors.ts';
import { call } from './calls.ts';

/** A replica that takes longer is away. Two of these fit into the time that a POST may take. */
const WAIT_TIMEOUT_MS = 500;

export class Acknowledgement {
  readonly #redis: Redis;
  readonly #replicas: number;
  /** +1 whenever the connection closes: what was written before is then not what WAIT speaks of. */
  #life = 0;
  #underWay: Promise<unknown> = Promise.resolve();
  /** The WAIT after that, while it is not sent: whoever was answered so far may join. */
  #next: Promise<number> | undefined;

  /** @param replicas How many have to have it; 0 asks none. */
  constructor(redis: Redis, replicas: number) {
    this.#redis = redis;
    this.#replicas = replicas;
    redis.on('close', () => {
      this.#life++;
    });
  }

  /**
   * What `write` resolves to, once enough replicas have what it wrote. It must write over the connection given here.
   */
  async of<T>(write: () => Promise<T>): Promise<T> {
    if (this.#replicas === 0) return write();
    const life = this.#life;
    const reply = await write();
    // Sent before the reply came, a WAIT would not cover a script that Redis did not know and got a second time.
    this.#next ??= this.#waitAfter(this.#underWay);
    const replicas = await this.#next;
    if (life !== this.#life)
      throw new EngineUnavailable('the connection to Redis was lost before its replicas answered');
    if (replicas < this.#replicas) {
      throw new EngineUnavailable(`only ${replicas} replicas have it, and ${this.#replicas} must`);
    }
    return reply;
  }

  async #waitAfter(underWay: Promise<unknown>): Promise<number> {
    await underWay.catch(() => undefined);
    const wait = call(this.#redis, 'wait', [String(this.#replicas), String(WAIT_TIMEOUT_MS)]).then(Number);
    this.#underWay = wait;
    this.#next = undefined;
    return wait;
  }
}

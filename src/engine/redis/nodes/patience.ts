/**
 * How long the answers on one connection are waited for: a command that has none after `limitMs` is late, and fails.
 *
 * It fails alone. Those sent after it have their own time, and answers come in order: should Redis have stood still for a
 * moment, they are answered next. Until one of them is, the connection is *in doubt* and takes no more, so that what a silent Redis
 * has not read does not pile up, and whoever comes is refused at once and knows that nothing ran. When the last of them is
 * late as well, the connection is replaced: nobody who could be answered is left on it.
 *
 * One timer for all that are under way. It counts its own ticks, not the clock: when this process' loop stood still, for a
 * collection of garbage or a large answer, that is one tick, and no silence of Redis. And before it judges it lets the loop
 * read, because in each turn timers run first: an answer that waits to be read is not late.
 */
import { setImmediate as turn } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { Chain } from '../../../domain/chain.ts';
import { replaceConnection } from './replacing.ts';
import type { WholeCommand } from './whole-command.ts';

/** A command is late after 20 to 21 of them, by 5 % of its time at most. */
const TICKS = 20;
/**
 * A turn reads some megabytes of a connection at most. So many hold whatever a kernel keeps for it, and end: bytes that
 * go on coming for longer are an answer that takes too long.
 */
const READING_TURNS_MAX = 16;

/** No answer in time. Whether the command ran is not known. */
export class TooLate extends Error {
  constructor(limitMs: number) {
    super(`no answer within ${limitMs} ms`);
    this.name = 'TooLate';
  }
}

export class Patience {
  readonly #redis: Redis;
  readonly #limitMs: number;
  /** In the order in which they were sent and are answered. */
  readonly #underWay = new Chain<WholeCommand>();
  #timer: NodeJS.Timeout | undefined;
  #ticks = 0;
  #isJudging = false;
  #isInDoubt = false;
  #sent = 0;

  constructor(redis: Redis, limitMs: number) {
    this.#redis = redis;
    this.#limitMs = limitMs;
  }

  /** How many commands were sent so far. */
  get sent(): number {
    return this.#sent;
  }

  /** Nothing is to be sent: a command was late, and none after it has been answered. */
  get isInDoubt(): boolean {
    return this.#isInDoubt;
  }

  /** To be called when it is sent. */
  begin(command: WholeCommand): void {
    this.#sent++;
    command.sentAtTick = this.#ticks;
    this.#underWay.append(command);
    this.#timer ??= setInterval(() => this.#tick(), this.#limitMs / TICKS).unref();
  }

  /** To be called when it has settled, however. */
  end(command: WholeCommand): void {
    this.#underWay.remove(command);
    // Answered, as were those before it; or the connection is another.
    if (!command.isLate) this.#isInDoubt = false;
  }

  #tick(): void {
    if (this.#underWay.first === undefined) {
      clearInterval(this.#timer);
      this.#timer = undefined;
      return;
    }
    this.#ticks++;
    if (this.#late !== undefined && !this.#isJudging) void this.#judge();
  }

  /** The first that is. */
  get #late(): WholeCommand | undefined {
    const { first } = this.#underWay;
    return first !== undefined && this.#ticks - first.sentAtTick > TICKS ? first : undefined;
  }

  async #judge(): Promise<void> {
    this.#isJudging = true;
    let read: number;
    let turns = 0;
    do {
      read = this.#redis.stream.bytesRead;
      // The first ends before the turn has read if it was begun by what a turn reads.
      await turn();
      await turn();
      turns += 2;
    } while (this.#redis.stream.bytesRead !== read && turns < READING_TURNS_MAX);
    this.#isJudging = false;
    this.#refuse();
  }

  #refuse(): void {
    for (let late = this.#late; late !== undefined; late = this.#late) {
      this.#underWay.remove(late);
      this.#isInDoubt = true;
      late.isLate = true;
      late.reject(new TooLate(this.#limitMs));
    }
    if (!this.#isInDoubt || this.#underWay.first !== undefined) return;
    this.#isInDoubt = false;
    replaceConnection(this.#redis);
  }
}

const ofConnections = new WeakMap<Redis, Patience>();

/** That of this connection, from one life of it to the next. */
export function patienceOf(redis: Redis): Patience {
  let patience = ofConnections.get(redis);
  if (patience === undefined) {
    patience = new Patience(redis, redis.options.commandTimeout!);
    ofConnections.set(redis, patience);
  }
  return patience;
}

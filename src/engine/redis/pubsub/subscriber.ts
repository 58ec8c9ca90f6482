/**
 * Knows who listens to which names, keeps them subscribed where they are published, and says when something may have
 * been missed.
 *
 * Redis keeps nothing for who is away, so a listener has to know. The names of one shard go together, because a Cluster
 * serves, moves and loses them together. Their states:
 *
 *   asked       SSUBSCRIBE was sent; `listen` waits for its acknowledgement, and fails with it
 *   live        acknowledged: everything published from then on arrives, in order
 *   lost        the line closed, Redis unsubscribed us by itself, or another primary serves the shard now. Nothing
 *               arrives and nobody is told yet: what they would do about it, reading, they can only do once live again
 *   asked       there is a line to the primary that serves the shard, as far as is known: every name is asked for
 *               anew, and again after a while where that was wrong
 *   live        only now their listeners are told that they `missed` something; they compare with what is stored
 *
 * Invariant: a name is asked for as long as it has listeners.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { SmallSet } from '../../../domain/small-set.ts';
import { EngineUnavailable } from '../../../errors.ts';
import type { Subscription } from '../../engine.ts';
import type { EngineLog } from '../log.ts';
import { reasonOf, replyCodeOf } from '../nodes/calls.ts';
import { type Group, listenersOf, type Name } from './group.ts';
import type { Line, LineNews } from './line.ts';
import type { Listener } from './listener.ts';
import { Listening } from './listening.ts';
import { Recovery } from './recovery.ts';

/** Where to listen. */
export interface Lines {
  /** To the primary that serves the shard, as far as is known. It may not be connected. */
  lineOf(shard: number): Line;
  /** What is known seems to be wrong: look again. */
  doubt(): void;
}

/** Names in one SSUBSCRIBE: a few tens of KB, so that a PING never waits long behind them. */
const NAMES_PER_COMMAND = 500;
/** The acknowledgements of more, read in one turn of the loop, would make it long. */
const COMMANDS_AT_ONCE = 4;
/** Listeners that are told in one turn of the loop that they missed something: a few milliseconds. */
const TOLD_A_TURN = 640;
/** Between two tries, when nothing happens that would make an earlier one worth while. Spread, for 1,024 shards. */
const RETRY_MIN_MS = 100;
const RETRY_MAX_MS = 300;
/** How long `listen` looks for the primary of a shard that has moved. As long as a command may take, about. */
const MOVED_MAX_MS = 1_000;

const ignore = () => {};

export class Subscriber implements LineNews {
  readonly #lines: Lines;
  readonly #log: EngineLog;
  readonly #groups = new Map<number, Group>();
  readonly #names = new Map<string, Name>();
  readonly #sleepers = new Set<() => void>();
  /** Until then another group of the line is being asked for. */
  readonly #asking = new WeakMap<Line, Promise<void>>();
  #lastTurn: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(lines: Lines, log: EngineLog) {
    this.#lines = lines;
    this.#log = log;
  }

  /**
   * Resolves once whatever is published under these names will arrive. It may arrive a little before that.
   *
   * @param names All of this shard.
   */
  async listen(shard: number, names: readonly string[], listener: Listener): Promise<Subscription> {
    const startedMs = performance.now();
    for (;;) {
      try {
        return await this.#join(shard, names, listener);
      } catch (error) {
        if (replyCodeOf(error) !== 'MOVED' || performance.now() - startedMs > MOVED_MAX_MS) throw error;
        this.#lines.doubt();
        await this.#pause();
      }
    }
  }

  async #join(shard: number, names: readonly string[], listener: Listener): Promise<Subscription> {
    const group = this.#groupOf(shard);
    if (!group.line.isConnected) throw new EngineUnavailable('Redis is not connected: nobody can subscribe');
    const asked: string[] = [];
    for (const name of names) {
      const known = this.#names.get(name);
      if (known === undefined) asked.push(name);
      else known.listeners.add(listener);
    }
    if (asked.length > 0) {
      const acknowledged = group.line.subscribe(asked);
      for (const name of asked) {
        const known = { group, listeners: new SmallSet<Listener>(), acknowledged };
        known.listeners.add(listener);
        this.#names.set(name, known);
        group.names.set(name, known);
      }
    }
    try {
      await Promise.all(names.map((name) => this.#acknowledged(this.#names.get(name)!)));
    } catch (error) {
      this.leave(names, listener);
      throw error;
    }
    return new Listening(this, names, listener);
  }

  async #acknowledged(known: Name): Promise<void> {
    const { acknowledged } = known;
    await acknowledged;
    if (known.acknowledged === acknowledged) known.acknowledged = null;
  }

  published(line: Line, name: string, payload: Buffer): void {
    const known = this.#names.get(name);
    // From a primary that does not serve the shard any more: it would come out of order with what the next one says.
    if (known?.group.line !== line) return;
    const { recovery } = known.group;
    for (const listener of known.listeners) {
      if (!recovery?.isDeaf(listener)) this.#tell(() => listener.published(name, payload));
    }
  }

  lost(line: Line): void {
    for (const group of this.#groups.values()) if (group.line === line) this.#lose(group);
  }

  ready(): void {
    this.#wake();
  }

  /** Other primaries serve some shards now. */
  rearranged(): void {
    for (const group of this.#groups.values()) {
      if (group.line === this.#lines.lineOf(group.shard)) continue;
      if (group.names.size === 0) group.line = this.#lines.lineOf(group.shard);
      else this.#lose(group);
    }
    this.#wake();
  }

  /** The lines are not its own. */
  close(): void {
    this.#isClosed = true;
    this.#names.clear();
    this.#groups.clear();
    this.#wake();
  }

  #groupOf(shard: number): Group {
    let group = this.#groups.get(shard);
    if (group === undefined) {
      const line = this.#lines.lineOf(shard);
      group = { shard, names: new Map(), line, generation: 0, recovery: null };
      this.#groups.set(shard, group);
    }
    return group;
  }

  /** The listener is not told of these names any more. */
  leave(names: readonly string[], listener: Listener): void {
    const left: string[] = [];
    let line: Line | undefined;
    for (const name of names) {
      const known = this.#names.get(name);
      if (!known?.listeners.delete(listener) || known.listeners.size > 0) continue;
      this.#names.delete(name);
      known.group.names.delete(name);
      known.group.recovery?.left(listener);
      left.push(name);
      line = known.group.line;
    }
    line?.unsubscribe(left);
  }

  /** One listener's mistake must not keep the news from the others. */
  #tell(news: () => void): void {
    try {
      news();
    } catch (err) {
      this.#log.error({ err }, 'a listener failed');
    }
  }

  #lose(group: Group): void {
    group.generation++;
    if (group.recovery === null) void this.#recover(group);
    else group.recovery.begin();
  }

  /** Until nothing was lost meanwhile. */
  async #recover(group: Group): Promise<void> {
    const recovery = new Recovery<Listener>();
    group.recovery = recovery;
    let generation: number;
    do {
      recovery.begin();
      generation = await this.#untilLive(group);
      if (this.#isClosed) return;
      let told = 0;
      for (const listener of recovery.live(listenersOf(group))) {
        this.#tell(() => listener.missed(group.shard));
        if (++told % TOLD_A_TURN === 0) await this.#ownTurn();
        if (this.#isClosed) return;
        if (generation !== group.generation) break;
      }
    } while (generation !== group.generation);
    group.recovery = null;
  }

  /** Until every name of the group is live on one line, or there is none. @returns The generation of which that is true. */
  async #untilLive(group: Group): Promise<number> {
    for (;;) {
      const { generation } = group;
      const isLive = await this.#askAgain(group);
      if (this.#isClosed) return generation;
      if (group.names.size === 0 || (isLive && generation === group.generation)) {
        await this.#ownTurn();
        if (this.#isClosed || group.names.size === 0 || generation === group.generation) return group.generation;
      }
      if (isLive) continue;
      this.#lines.doubt();
      await this.#pause();
    }
  }

  /** One group after the other: the loop goes on in between. */
  #ownTurn(): Promise<void> {
    this.#lastTurn = this.#lastTurn.then(() => turn());
    return this.#lastTurn;
  }

  /** One group of a line after the other, so that the first are live soon. */
  async #askAgain(group: Group): Promise<boolean> {
    const line = this.#lines.lineOf(group.shard);
    group.line = line;
    if (!line.isConnected) return false;
    const before = this.#asking.get(line);
    const asked = Promise.resolve(before).then(() => this.#ask(group, line));
    this.#asking.set(line, asked.then(ignore, ignore));
    try {
      return await asked;
    } catch (error) {
      const fields = { shard: group.shard, reason: reasonOf(error as Error) };
      this.#log.warn(fields, 'could not subscribe again');
      if (replyCodeOf(error) !== 'MOVED') line.replace();
      return false;
    }
  }

  async #ask(group: Group, line: Line): Promise<boolean> {
    const names = [...group.names.keys()];
    const commands = [];
    for (let i = 0; i < names.length && line.isConnected; i += NAMES_PER_COMMAND) {
      // Meanwhile names may have come, which asked for themselves, and gone.
      const batch = names.slice(i, i + NAMES_PER_COMMAND).filter((name) => group.names.has(name));
      if (batch.length === 0) continue;
      const acknowledged = line.subscribe(batch);
      for (const name of batch) group.names.get(name)!.acknowledged = acknowledged;
      commands.push(acknowledged);
      if (commands.length === COMMANDS_AT_ONCE) await Promise.all(commands.splice(0));
    }
    await Promise.all(commands);
    return line.isConnected;
  }

  /** Until something has changed, or a while. */
  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(late);
        this.#sleepers.delete(wake);
        resolve();
      };
      const late = setTimeout(wake, RETRY_MIN_MS + Math.random() * (RETRY_MAX_MS - RETRY_MIN_MS));
      this.#sleepers.add(wake);
    });
  }

  #wake(): void {
    for (const wake of [...this.#sleepers]) wake();
  }
}

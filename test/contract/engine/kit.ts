/**
 * What the contract's tests work with: an engine on a store of its own, short ways to build logs in it through the
 * engine's own methods, and comparison of answers whatever kind of byte array an engine returns.
 */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Change } from '../../../src/domain/change.ts';
import { type Channel, shardOf } from '../../../src/domain/channel.ts';
import type { Event } from '../../../src/domain/event.ts';
import type { LogBounds } from '../../../src/domain/position.ts';
import { fieldBytes, type State } from '../../../src/domain/state.ts';
import type {
  AppendOutcome,
  ChannelCommit,
  Commit,
  CommitOutcome,
  Engine,
  EngineOptions,
  Peek,
} from '../../../src/engine/engine.ts';
import { waitFor } from '../../support/wait.ts';

export interface EngineUnderTest {
  readonly engine: Engine;
  /** Lets so many milliseconds pass for an engine whose clock the test owns; without it, real time passes. */
  advance?(ms: number): void;
  /** Puts an entry into an inbox that no version of the engine wrote. */
  inject?(shard: number, raw: Uint8Array): Promise<void>;
  /** Closes the engine, and whatever it stood on. */
  close(): Promise<void>;
}

export type CreateEngine = (options: Partial<EngineOptions>) => Promise<EngineUnderTest>;

/** For `create`: nothing fills up, is trimmed or expires unless a test asks for it. */
export const generousOptions: EngineOptions = {
  shards: 2,
  maxChangeBytes: 1 << 20,
  historyMaxEvents: 100,
  inboxMaxEntries: 10_000,
  inboxMaxBytes: 10_000_000,
  dedupeTtlMs: 600_000,
  channelIdleMs: 600_000,
};

/** Who holds the leases, unless a test is about leases. */
export const TOKEN = 'merger-1';
export const LONG_MS = 600_000;
/** More than any test puts anywhere. */
export const ALL = 1_000_000;

export type Entries = Extract<Peek, { kind: 'entries' }>;

export interface Draft {
  readonly channel: Channel;
  /** Texts get the offsets that follow the head. */
  readonly events?: readonly (string | Event)[];
  readonly head?: number | null;
  readonly reducer?: string;
  readonly refold?: number;
  readonly state?: State;
  /** Unless given, what the whole state then weighs. */
  readonly stateBytes?: number;
  readonly seqs?: Readonly<Record<string, number>>;
}

export interface Bench extends AsyncDisposable {
  readonly engine: Engine;
  readonly subject: EngineUnderTest;
  /** A new channel on that shard. */
  channel(shard?: number): Channel;
  /** Appends one-word changes without a publisher. */
  append(channel: Channel, ...texts: string[]): Promise<AppendOutcome[]>;
  /** Everything in the inbox, for `TOKEN` unless said otherwise; fails when another has the lease. */
  peek(shard?: number, token?: string, maxEntries?: number): Promise<Entries>;
  /** A commit that fits the shard as it is now. */
  draft(shard: number, drafts: readonly Draft[], rest?: Partial<Commit>): Promise<Commit>;
  /** Makes events of these texts, in one commit; fails if it is refused. */
  put(channel: Channel, ...texts: string[]): Promise<void>;
  /** Commits what `draft` makes; fails if it is refused. */
  commit(shard: number, drafts: readonly Draft[], rest?: Partial<Commit>): Promise<CommitOutcome>;
  bounds(channel: Channel): Promise<LogBounds>;
  /** The texts of all events that are kept. */
  texts(channel: Channel): Promise<string[]>;
  /** Sweeps until that channel is gone. Its options must say that it may go. */
  forget(channel: Channel): Promise<void>;
  /** All that can be read of a shard, as far as these channels and publishers go. Takes the lease. */
  everything(shard: number, channels: readonly Channel[], froms: readonly string[], token?: string): Promise<unknown>;
  /** Looks until the condition holds, letting time pass in between. */
  until(what: string, condition: () => boolean | Promise<boolean>): Promise<void>;
  pass(ms: number): Promise<void>;
}

export type Open = (options?: Partial<EngineOptions>) => Promise<Bench>;

let names = 0;

export function channelOn(shard: number, shards: number): Channel {
  for (;;) {
    const name = `c${(names++).toString(36)}`;
    if (shardOf(name, shards) === shard) return name;
  }
}

export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function change(channel: Channel, text: string, rest: Partial<Change> = {}): Change {
  return { channel, from: '', seq: 0, acceptedMs: 1_795_000_000_123, bytes: bytesOf(text), ...rest };
}

export function event(offset: number, text: string, rest: Partial<Event> = {}): Event {
  return { offset, from: '', seq: 0, atMs: 1_795_000_000_456, bytes: bytesOf(text), ...rest };
}

export function textOf({ bytes }: { bytes: Uint8Array }): string {
  return new TextDecoder().decode(bytes);
}

export function changesOf(peek: Entries): Change[] {
  return peek.entries.map((entry) => (entry.kind === 'change' ? entry.change : assert.fail('an unreadable entry')));
}

/**
 * The same value in arrays, records and text alone, so that a Buffer equals a Uint8Array and maps have one order. Without what the
 * clock of a shard says, which is another each time.
 */
export function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return `0x${Buffer.from(value).toString('hex')}`;
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Map) {
    const pairs = [...value].map(([key, inner]) => [key, plain(inner)] as const);
    return { map: pairs.sort(([a], [b]) => (a < b ? -1 : 1)) };
  }
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).filter(([key]) => key !== 'mergedAfterMs' && key !== 'clockMs');
    return Object.fromEntries(entries.map(([key, inner]) => [key, plain(inner)]));
  }
  return value;
}

export function same(actual: unknown, expected: unknown, message?: string): void {
  assert.deepEqual(plain(actual), plain(expected), message);
}

export function weightOf(state: State): number {
  let bytes = 0;
  for (const [name, field] of state) bytes += fieldBytes(name, field.bytes);
  return bytes;
}

function createBench(subject: EngineUnderTest): Bench {
  const { engine } = subject;

  async function peek(shard = 0, token = TOKEN, maxEntries = ALL): Promise<Entries> {
    const answer = await engine.peek(shard, { token, ms: LONG_MS }, { maxEntries, maxBytes: ALL * 100 });
    assert.equal(answer.kind, 'entries', `the lease of shard ${shard} should be free for ${token}`);
    return answer as Entries;
  }

  async function stateBytesOf({ channel, state = new Map(), stateBytes }: Draft): Promise<number> {
    return stateBytes ?? weightOf(new Map([...(await engine.readState(channel)).state, ...state]));
  }

  async function draft(shard: number, drafts: readonly Draft[], rest: Partial<Commit> = {}): Promise<Commit> {
    const { rev, epoch, events: made } = await peek(shard);
    const wishes = drafts.map(({ channel }) => ({ channel, froms: [], withState: false }));
    const loaded = await engine.load(shard, wishes);
    const weights = await Promise.all(drafts.map(stateBytesOf));
    const channels = drafts.map((wanted, i): ChannelCommit => {
      const head = wanted.head === undefined ? loaded.channels[i]!.head : wanted.head;
      const events = (wanted.events ?? []).map((given, n) =>
        typeof given === 'string' ? event((head ?? made) + 1 + n, given) : given,
      );
      const { channel, reducer = 'log', refold, state = new Map(), seqs = {} } = wanted;
      const fold = loaded.channels[i]!.fold ?? 0;
      const folds = refold === undefined ? { fold } : { fold, refold };
      return {
        ...folds,
        channel,
        head,
        events,
        reducer,
        state,
        stateBytes: weights[i]!,
        seqs: new Map(Object.entries(seqs)),
      };
    });
    return { token: TOKEN, rev, epoch, entries: 0, channels, unreadable: [], ...rest };
  }

  async function commit(shard: number, drafts: readonly Draft[], rest?: Partial<Commit>): Promise<CommitOutcome> {
    const outcome = await engine.commit(shard, await draft(shard, drafts, rest));
    assert.equal(outcome.kind, 'committed');
    return outcome;
  }

  async function bounds(channel: Channel): Promise<LogBounds> {
    return (await engine.readHistory(channel, null, 0)).log;
  }

  async function pass(ms: number): Promise<void> {
    if (subject.advance) subject.advance(ms);
    else await sleep(ms);
  }

  async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
    await waitFor(
      async () => {
        if (await condition()) return true;
        subject.advance?.(5);
        return false;
      },
      { what },
    );
  }

  let closed: Promise<void> | undefined;
  const close = () => {
    closed ??= subject.close();
    return closed;
  };

  return {
    engine,
    subject: { ...subject, close },
    channel: (shard = 0) => channelOn(shard, engine.shards),
    append: (channel, ...texts) => engine.append(texts.map((text) => change(channel, text))),
    peek,
    draft,
    commit,
    async put(channel, ...texts) {
      await commit(shardOf(channel, engine.shards), [{ channel, events: texts }]);
    },
    bounds,
    async texts(channel) {
      const page = await engine.readHistory(channel, null, ALL, 100 * ALL);
      return page.kind === 'events' ? page.events.map(textOf) : assert.fail('no position, and yet a gap');
    },
    async forget(channel) {
      const shard = shardOf(channel, engine.shards);
      await peek(shard);
      await until(`${channel} to be forgotten`, async () => {
        await engine.sweep(shard, TOKEN, ALL);
        return (await engine.load(shard, [{ channel, froms: [], withState: false }])).channels[0]!.head === null;
      });
    },
    async everything(shard, channels, froms, token) {
      return plain({
        inbox: await peek(shard, token),
        loaded: await engine.load(
          shard,
          channels.map((channel) => ({ channel, froms, withState: true })),
        ),
        logs: await Promise.all(channels.map((channel) => engine.readHistory(channel, null, ALL))),
        states: await Promise.all(channels.map((channel) => engine.readState(channel))),
      });
    },
    until,
    pass,
    [Symbol.asyncDispose]: close,
  };
}

export function opener(create: CreateEngine): Open {
  return async (options = {}) => createBench(await create(options));
}

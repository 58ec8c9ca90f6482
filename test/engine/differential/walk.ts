/**
 * A random walk through everything an engine can be asked: what to do next, and with what arguments, so that every
 * outcome of the contract is common. What it knows of the engines it has learned from their answers.
 *
 * Commits are well-formed as seen by whoever makes them (contiguous, from the head that is claimed); what a
 * caller may never send is not the contract's business. Sweeps come after a pause that lets everything expire, and go
 * on until nothing is left, because two engines do not look at one clock.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Change } from '../../../src/domain/change.ts';
import { type Channel, shardOf } from '../../../src/domain/channel.ts';
import type { Event } from '../../../src/domain/event.ts';
import type { StateField } from '../../../src/domain/state.ts';
import type { ChannelCommit, Commit, EngineOptions, Evidence } from '../../../src/engine/engine.ts';
import type { Random } from '../../support/random.ts';
import type { Pair } from './pair.ts';

export const walkOptions: EngineOptions = {
  shards: 3,
  maxChangeBytes: 300,
  historyMaxEvents: 8,
  inboxMaxEntries: 12,
  inboxMaxBytes: 10_000_000,
  dedupeTtlMs: 1,
  channelIdleMs: 1,
};

/** Longer than both lifetimes above, and than what two clocks may differ by. */
const EXPIRY_PAUSE_MS = 5;

const CHANNELS = Array.from({ length: 20 }, (_, i) => `channel-${i}`);
const TOKENS = ['one', 'two'];
const FROMS = ['alice.1', 'alice.2', 'bob.1', 'carol.x_y-z', ''];
const FIELDS = ['alice', 'bob', '-', 'ünï😀'];
const REDUCERS = ['log', 'latest', 'tally'];

interface View {
  readonly rev: number;
  readonly epoch: string;
  readonly events: number;
  readonly entries: number;
}

interface ShardModel {
  readonly channels: Channel[];
  holder: string | null;
  /** As the last peek saw it; what was committed since makes it a stale one. */
  view: View | null;
}

export function createWalk(pair: Pair, random: Random) {
  const shards: ShardModel[] = Array.from({ length: walkOptions.shards }, (_, shard) => ({
    channels: CHANNELS.filter((channel) => shardOf(channel, walkOptions.shards) === shard),
    holder: null,
    view: null,
  }));
  const live = new Map<number, Channel>();
  let subscriptions = 0;

  /** The first channels of a list are busy, the last ones quiet. */
  const channelOf = (channels: readonly Channel[]) => channels[Math.floor(random.next() ** 2 * channels.length)]!;
  const bytes = () => Uint8Array.from({ length: random.chance(0.9) ? 1 : 1 + random.int(300) }, () => random.int(256));
  const fieldValue = () => (random.chance(0.5) ? bytes() : Buffer.from(`${1 + random.int(12)}`));
  const seqOf = (from: string) =>
    from === '' ? 0 : random.chance(0.05) ? Number.MAX_SAFE_INTEGER : 1 + random.int(50);
  const anyToken = (shard: number) => (random.chance(0.3) ? shards[shard]!.holder : null) ?? random.pick(TOKENS);
  const limit = () => random.pick([0, 1, 3, 10, 1_000]);

  async function append(): Promise<void> {
    const changes = Array.from({ length: 1 + random.int(6) }, (_, i): Change => {
      const from = random.pick(FROMS);
      return { channel: channelOf(CHANNELS), from, seq: seqOf(from), acceptedMs: pair.commands + i, bytes: bytes() };
    });
    await pair.both({ kind: 'append', changes });
  }

  async function peek(shard: number, token: string): Promise<void> {
    const limits = random.pick([
      { maxEntries: 1_000, maxBytes: 1_000_000 },
      { maxEntries: 1 + random.int(4), maxBytes: 1_000_000 },
      { maxEntries: 5, maxBytes: 0 },
    ]);
    const answer = await pair.both({ kind: 'peek', shard, token, ...limits });
    if (answer.kind === 'held') return;
    shards[shard]!.holder = token;
    const { rev, epoch, events } = answer;
    shards[shard]!.view = { rev, epoch, events, entries: answer.entries.length };
  }

  function load(shard: number, channels: readonly Channel[]) {
    const wanted = channels.map((channel) => {
      const froms = FROMS.filter((from) => from !== '' && random.chance(0.6));
      return { channel, froms, withState: random.chance(0.7) };
    });
    return pair.both({ kind: 'load', shard, wanted });
  }

  function channelCommit(channel: Channel, head: number | null, made: number): ChannelCommit {
    const first = (head ?? made) + 1;
    const count = random.chance(0.2) ? 0 : random.chance(0.1) ? 12 : 1 + random.int(5);
    const events = Array.from({ length: count }, (_, i): Event => {
      const from = random.pick(FROMS);
      return { offset: first + i, from, seq: seqOf(from), atMs: pair.commands, bytes: bytes() };
    });
    const state = new Map<string, StateField>();
    for (const field of count > 0 && random.chance(0.5) ? FIELDS : []) {
      if (random.chance(0.5))
        state.set(field, { offset: first + random.int(count), bytes: random.chance(0.2) ? null : fieldValue() });
    }
    const heard = FROMS.filter((from) => from !== '' && random.chance(0.3));
    return {
      channel,
      head,
      events,
      reducer: random.pick(REDUCERS),
      state,
      stateBytes: 1_000,
      seqs: new Map(heard.map((from) => [from, seqOf(from)])),
    };
  }

  /** Right more often than not; else with the wrong lease, rev or head, or made from what was true some time ago. */
  async function commit(shard: number): Promise<void> {
    const model = shards[shard]!;
    if (model.view === null || random.chance(0.85)) await peek(shard, model.holder ?? random.pick(TOKENS));
    const { view, holder } = model;
    if (view === null) return;
    const channels = new Set(Array.from({ length: 1 + random.int(4) }, () => channelOf(model.channels)));
    const loaded = await load(shard, [...channels]);
    const wrong = random.chance(0.55) ? 'nothing' : random.pick(['lease', 'rev', 'head', 'repeated']);
    const wrongChannel = wrong === 'head' ? random.pick([...channels]) : null;
    const right: Commit = {
      token: holder ?? random.pick(TOKENS),
      rev: view.rev,
      epoch: view.epoch,
      entries: random.chance(0.6) ? view.entries : random.int(view.entries + 1),
      channels: [...channels].map((channel, i) => {
        const head: number | null = loaded.channels[i].head;
        const other = head === null ? view.events : random.chance(0.3) ? null : head + 1;
        return channelCommit(channel, channel === wrongChannel ? other : head, view.events);
      }),
      unreadable: random.chance(0.3) ? [bytes(), bytes()] : [],
    };
    const made =
      wrong === 'lease'
        ? { ...right, token: random.pick([...TOKENS.filter((token) => token !== holder), 'nobody']) }
        : wrong === 'rev'
          ? { ...right, rev: loaded.rev + random.pick([-1, 1, 1_000]) }
          : right;
    await pair.both({ kind: 'commit', shard, commit: made });
    if (wrong === 'repeated') await pair.both({ kind: 'commit', shard, commit: made });
  }

  async function release(shard: number): Promise<void> {
    const token = random.pick([...TOKENS, 'nobody']);
    await pair.both({ kind: 'release', shard, token });
    if (shards[shard]!.holder === token) shards[shard]!.holder = null;
  }

  async function sweep(shard: number): Promise<void> {
    const { holder } = shards[shard]!;
    if (holder === null || random.chance(0.6)) {
      const token = random.pick(['nobody', ...TOKENS.filter((other) => other !== holder)]);
      await pair.both({ kind: 'sweep', shard, token, limit: 1_000 });
      return;
    }
    await sleep(EXPIRY_PAUSE_MS);
    // All at once: in which order a sweep of fewer takes them is left to the engine, and each sweep moves `events`.
    for (;;) {
      const { channels, publishers } = await pair.both({ kind: 'sweep', shard, token: holder, limit: 1_000 });
      if (channels.length + publishers.length === 0) break;
    }
    if (random.chance(0.5)) return;
    await peek(shard, holder);
    for (let i = 0; i < 3; i++) await history(random.pick(shards[shard]!.channels));
  }

  async function history(channel: Channel): Promise<void> {
    const { log } = await pair.both({ kind: 'history', channel, after: null, limit: limit() });
    const offsets = [
      random.int(log.head + 1),
      log.head - random.int(20),
      log.head + random.int(3),
      log.oldest - 2 + random.int(3),
      log.base - random.int(3),
      log.forgotten - 1 + random.int(3),
    ];
    const number = Number(log.epoch.slice(1));
    const epochs = [...Array(8).fill(log.epoch), `e${Math.max(0, number - 1)}`, 'other'];
    for (let i = 0; i < 2; i++) {
      const after = { epoch: random.pick(epochs), offset: Math.max(0, random.pick(offsets)) };
      await pair.both({ kind: 'history', channel, after, limit: limit() });
    }
  }

  /** Evidence good and bad: of what is there, of what is not, and of what is there but otherwise. */
  function evidenceOf(
    channel: Channel,
    events: readonly Event[],
    head: number,
    forgotten: number,
    rev: number,
  ): Evidence {
    const near = Math.max(1, random.pick([head, forgotten]) - 2 + random.int(4));
    switch (random.pick(['head', 'event', 'rev'] as const)) {
      case 'head':
        return { kind: 'head', channel, offset: random.chance(0.4) ? head + 1 + random.int(3) : near };
      case 'rev':
        return { kind: 'rev', rev: Math.max(0, rev - 2 + random.int(4)) };
      case 'event': {
        const known = events.length > 0 && random.chance(0.8) ? random.pick(events) : undefined;
        if (known === undefined)
          return { kind: 'event', channel, event: { offset: near, from: '', seq: 0, atMs: 0, bytes: bytes() } };
        return { kind: 'event', channel, event: random.chance(0.2) ? { ...known, atMs: known.atMs + 1 } : known };
      }
    }
  }

  function eventsIn(page: {
    readonly events: readonly (Omit<Event, 'bytes'> & { readonly bytes: string })[];
  }): Event[] {
    return page.events.map((event) => ({
      ...event,
      bytes: Uint8Array.from(Buffer.from(event.bytes.slice(2), 'hex')),
    }));
  }

  /** Of a publisher or of others; in another epoch, of offsets that are kept no more, of fields that are there or not. */
  async function erase(channel: Channel): Promise<void> {
    const shard = shardOf(channel, walkOptions.shards);
    const page = await pair.both({ kind: 'history', channel, after: null, limit: 1_000 });
    const name = random.pick(['alice', 'bob', 'nobody']);
    const counts = random.chance(0.5);
    const events = eventsIn(page)
      .filter(({ from }) => random.chance(from.startsWith(name) ? 0.9 : 0.1))
      .map((event, i) => ({ ...event, offset: event.offset - (i > 0 || random.chance(0.8) ? 0 : random.int(9)) }))
      .map((event) => ({ event, countedIn: counts && random.chance(0.7) ? random.pick(FIELDS) : null }));
    const { epoch, head } = page.log;
    const of = { channel, name, events, through: Math.max(0, head - random.pick([0, 0, 2])), atMs: pair.commands };
    const field = !counts && random.chance(0.7) ? random.pick(FIELDS) : null;
    const erasure = { ...of, epoch: random.chance(0.9) ? epoch : 'other', field, isTold: random.chance(0.2) };
    await pair.both({ kind: 'erase', shard, erasure });
  }

  async function eraseWaiting(shard: number): Promise<void> {
    await pair.both({ kind: 'eraseWaiting', shard, name: random.pick(['alice', 'bob', 'carol', 'nobody']) });
  }

  async function renew(channel: Channel): Promise<void> {
    const shard = shardOf(channel, walkOptions.shards);
    const page = await pair.both({ kind: 'history', channel, after: null, limit: 1_000 });
    const { rev } = await pair.both({ kind: 'load', shard, wanted: [] });
    const events = eventsIn(page);
    const evidence = evidenceOf(channel, events, page.log.head, page.log.forgotten, rev);
    const epoch = random.chance(0.9)
      ? page.log.epoch
      : random.pick(['other', `e${Math.max(0, Number(page.log.epoch.slice(1)) - 1)}`]);
    const observers = [...live].filter(([, each]) => shardOf(each, walkOptions.shards) === shard).map(([id]) => id);
    const before = pair.suspicions(observers);
    const { kind } = await pair.both({ kind: 'renew', shard, epoch, evidence });
    if (kind === 'renewed') await pair.awaitSuspicion(observers, before);
  }

  async function subscribe(): Promise<void> {
    const id = subscriptions++;
    const channel = channelOf(CHANNELS);
    const { log } = await pair.both({ kind: 'history', channel, after: null, limit: 0 });
    await pair.both({ kind: 'subscribe', channel, head: log.head, id });
    live.set(id, channel);
  }

  async function unsubscribe(): Promise<void> {
    if (live.size === 0) return;
    const id = random.pick([...live.keys()]);
    await pair.compareBatches(id);
    await pair.both({ kind: 'unsubscribe', id });
    live.delete(id);
  }

  const actions: readonly [weight: number, act: () => Promise<void>][] = [
    [14, append],
    [
      8,
      () => {
        const shard = random.int(shards.length);
        return peek(shard, anyToken(shard));
      },
    ],
    [24, () => commit(random.int(shards.length))],
    [5, () => release(random.int(shards.length))],
    [6, () => sweep(random.int(shards.length))],
    [14, () => history(channelOf(CHANNELS))],
    [6, async () => void (await pair.both({ kind: 'state', channel: channelOf(CHANNELS) }))],
    [10, () => renew(channelOf(CHANNELS))],
    [8, () => erase(channelOf(CHANNELS))],
    [4, () => eraseWaiting(random.int(shards.length))],
    [3, subscribe],
    [3, unsubscribe],
  ];
  const total = actions.reduce((sum, [weight]) => sum + weight, 0);

  return {
    /** Does one thing, which may be several commands. */
    async step(): Promise<void> {
      let ticket = random.int(total);
      for (const [weight, act] of actions) {
        ticket -= weight;
        if (ticket < 0) return act();
      }
    },
    /** What every observer that is left was told. */
    async end(): Promise<void> {
      for (const id of live.keys()) await pair.compareBatches(id);
    },
  };
}

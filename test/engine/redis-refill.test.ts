/**
 * A Redis that comes back with less than is archived, and what it is given back before anything is merged (docs/adr/0030): all of it as
 * it was, and until then nobody is told that it is lost.
 */
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { describe, it } from 'node:test';
import type { Change } from '../../src/domain/change.ts';
import type { Event } from '../../src/domain/event.ts';
import type { Engine, Peek, Refill, RefilledChannel } from '../../src/engine/engine.ts';
import type { ChannelObserver } from '../../src/engine/observer.ts';
import { createRedisEngine } from '../../src/engine/redis/engine.ts';
import { EngineUnavailable } from '../../src/errors.ts';
import {
  type Bench,
  bytesOf,
  change,
  event,
  generousOptions,
  LONG_MS,
  opener,
  plain,
  TOKEN,
} from '../contract/engine/kit.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import { waitFor } from '../support/wait.ts';
import { comeBack, copyOf } from './lives.ts';

const A = 'a';
const B = 'b';
const LATEST = 'latest';
/** Begun by what is lost. */
const FRESH = 'fresh';
const EMPTY = 'empty';
const CHANNELS = [A, B, LATEST, FRESH];
const FROMS = ['p.1', 'q.1'];
const ALL = 100_000;
const LIMITS = { maxEntries: ALL, maxBytes: ALL };

const ignore = () => {};
const log = { info: ignore, warn: ignore, error: ignore };

type RefillPeek = Extract<Peek, { kind: 'refill' }>;

interface Lost {
  readonly epoch: string;
  /** All that could be read, before it was lost. */
  readonly was: unknown;
  readonly times: unknown;
  /** Events that the shard had made. */
  readonly events: number;
  readonly channels: readonly RefilledChannel[];
  /** What was in the inbox when the copy was made, and became an event since. */
  readonly taken: readonly Change[];
}

async function open(redis: RedisServer): Promise<Bench> {
  const create = async () => {
    const engine = await createRedisEngine({ ...generousOptions, shards: 1, url: redis.url, prefix: 'sc', log });
    return { engine, close: () => engine.close() };
  };
  return opener(create)();
}

async function shown(engine: Engine): Promise<unknown> {
  const wishes = CHANNELS.map((channel) => ({ channel, froms: FROMS, withState: true }));
  const pages = await Promise.all(CHANNELS.map((channel) => engine.readHistory(channel, null, ALL)));
  const states = await Promise.all(CHANNELS.map((channel) => engine.readState(channel)));
  return plain({
    loaded: (await engine.load(0, wishes)).channels,
    logs: pages.map(({ log: { head, base, oldest, archivedFrom }, ...page }) => ({
      ...{ head, base, oldest, archivedFrom },
      ...page,
    })),
    states: states.map(({ offset, state }) => ({ offset, state })),
    events: (await engine.readUnarchived(0, 0, 1)).events,
  });
}

async function mergeTimes(engine: Engine): Promise<unknown> {
  const pages = await Promise.all(CHANNELS.map((channel) => engine.readHistory(channel, null, ALL)));
  return pages.map((page) => page.kind === 'events' && page.events.map(({ mergedAfterMs }) => mergedAfterMs));
}

/** As an archive tells them. */
async function eventsAfter(engine: Engine, channel: string, after: number): Promise<readonly Event[]> {
  const page = await engine.readHistory(channel, null, ALL);
  assert.ok(page.kind === 'events');
  return page.events.filter(({ offset }) => offset > after);
}

const field = (offset: number, text: string) => new Map([['max', { offset, bytes: bytesOf(text) }]]);

/** A shard that is archived; then more of it, which is lost with the Redis that had it. */
async function lose(
  redis: RedisServer,
  bench: Bench,
  { isArchived = true, appendfsync = 'everysec' as 'always' | 'everysec' } = {},
): Promise<Lost> {
  const { engine } = bench;
  await bench.commit(0, [
    { channel: A, events: [event(1, 'a1', { from: 'p.1', seq: 1 }), event(2, 'a2')], seqs: { 'p.1': 1 } },
    { channel: B, events: ['b1'] },
    { channel: LATEST, events: [event(1, 'l1', { from: 'max.1' })], reducer: 'latest', state: field(1, 'l1') },
  ]);
  const { epoch, rev } = await engine.readUnarchived(0, 0, 1);
  const marks = [A, B, LATEST].map((channel) => ({ channel, from: 1, offset: 1 }));
  if (isArchived) await engine.markArchived(0, { epoch, rev, marks, backlogMaxBytes: ALL });
  const waiting = change(A, 'a3', { acceptedMs: 5 });
  await engine.append([waiting, change(A, 'a4', { from: 'p.1', seq: 2, acceptedMs: 6 })]);
  const copy = copyOf(redis);
  await bench.commit(
    0,
    [
      {
        channel: A,
        events: [event(3, 'a3', { atMs: 5 }), event(4, 'a4', { from: 'p.1', seq: 2, atMs: 6 })],
        seqs: { 'p.1': 2 },
      },
    ],
    { entries: 2 },
  );
  await bench.commit(0, [
    { channel: LATEST, events: [event(2, 'l2', { from: 'max.1' })], reducer: 'latest', state: field(2, 'l2') },
  ]);
  await bench.commit(0, [{ channel: FRESH, events: ['f1', 'f2'], seqs: { 'q.1': 7 } }]);
  const all = await engine.readUnarchived(0, 0, 1);
  const heads: readonly (readonly [string, number])[] = [
    [A, 4],
    [LATEST, 2],
    [FRESH, (await bench.bounds(FRESH)).head],
  ];
  const marked = heads.map(([channel, offset]) => ({ channel, from: channel === FRESH ? offset - 1 : 1, offset }));
  if (isArchived) await engine.markArchived(0, { epoch, rev: all.rev, marks: marked, backlogMaxBytes: ALL });
  const common = { reducer: 'log', state: new Map(), stateBytes: 0, seqs: new Map<string, number>(), archivedFrom: 1 };
  const { base } = await bench.bounds(FRESH);
  const latest = (await engine.readState(LATEST)).state;
  const lost: Lost = {
    epoch,
    was: await shown(engine),
    times: await mergeTimes(engine),
    events: all.events,
    channels: [
      { ...common, channel: A, head: 2, events: await eventsAfter(engine, A, 2), seqs: new Map([['p.1', 2]]) },
      {
        ...{ ...common, channel: LATEST, head: 1, events: await eventsAfter(engine, LATEST, 1) },
        ...{ reducer: 'latest', state: latest, stateBytes: 105 },
      },
      {
        ...{ ...common, channel: FRESH, head: null, events: await eventsAfter(engine, FRESH, base) },
        ...{ seqs: new Map([['q.1', 7]]), archivedFrom: base + 1 },
      },
    ],
    taken: [waiting],
  };
  await comeBack(redis, appendfsync, copy);
  rmSync(copy, { recursive: true });
  await waitFor(() => engine.ping().then(...SETTLED), { what: 'Redis to be back' });
  return lost;
}

const SETTLED = [() => true, () => false] as const;

/** After the pause. */
async function peekOf(engine: Engine, token: string, refills = true): Promise<Peek> {
  return waitFor(
    async () => {
      const peek = await engine.peek(0, { token, ms: LONG_MS, refills }, LIMITS);
      return peek.kind === 'held' ? null : peek;
    },
    { what: 'the pause to end' },
  );
}

async function peekToRefill(engine: Engine, token = 'next'): Promise<RefillPeek> {
  const peek = await peekOf(engine, token);
  return peek.kind === 'refill' ? peek : assert.fail(`a peek that is ${peek.kind}`);
}

function refillOf(peek: RefillPeek, { channels, taken, events }: Lost, rest: Partial<Refill> = {}): Refill {
  const { rev, epoch } = peek;
  return { token: 'next', rev, epoch, channels, taken, isComplete: true, events, ...rest };
}

async function inboxOf(engine: Engine, token = 'next'): Promise<string[]> {
  const entries = await engine.readInbox(0, token, 0, LIMITS);
  return entries!.map((entry) => (entry.kind === 'change' ? Buffer.from(entry.change.bytes).toString() : entry.kind));
}

/** The lease, and the new epoch that the shard gets before anything is merged. */
async function renewed(engine: Engine, token = 'next'): Promise<string> {
  const peek = await peekOf(engine, token);
  assert.equal(peek.kind, 'unvouched');
  const { kind, epoch } = await engine.renew(0, (peek as { epoch: string }).epoch, { kind: 'unvouched' });
  assert.equal(kind, 'renewed');
  assert.equal((await peekOf(engine, token)).kind, 'entries');
  return epoch;
}

async function resumed(engine: Engine, channel: string, epoch: string, offset: number): Promise<string[]> {
  const page = await engine.readHistory(channel, { epoch, offset }, ALL);
  assert.equal(page.kind, 'events', `${channel} after ${epoch}.${offset}`);
  return page.kind === 'events' ? page.events.map(({ bytes }) => Buffer.from(bytes).toString()) : [];
}

describe('what a Redis has lost and is given back', () => {
  it('is as it was: offsets, publishers, times, states, last seqs, counters; and the inbox lacks what became events', async () => {
    await using redis = await startRedis({ appendfsync: 'always' });
    await using bench = await open(redis);
    const { engine } = bench;
    const lost = await lose(redis, bench);
    const peek = await peekToRefill(engine);
    assert.deepEqual([peek.epoch, peek.events, peek.waiting], [lost.epoch, 4, 2]);
    assert.deepEqual(await engine.refill(0, refillOf(peek, lost)), { kind: 'refilled', rev: peek.rev + 1 });
    assert.deepEqual(await shown(engine), lost.was);
    assert.deepEqual(await mergeTimes(engine), lost.times);
    // What has a seq is dropped by it.
    assert.deepEqual(await inboxOf(engine), ['a4']);
  });

  it('is published, and belongs to both epochs once there is a new one, which there is in any case', async () => {
    await using redis = await startRedis({ appendfsync: 'always' });
    await using bench = await open(redis);
    const { engine } = bench;
    const lost = await lose(redis, bench);
    const published: number[] = [];
    const observer: ChannelObserver = {
      published: (_, events) => events.forEach(({ offset }) => void published.push(offset)),
      suspect: ignore,
    };
    // It has a connection of its own, which may be back later.
    await waitFor(() => engine.subscribe(A, observer).catch(() => null), { what: 'Redis to take a subscription' });
    const peek = await peekToRefill(engine);
    await engine.refill(0, refillOf(peek, lost));
    await waitFor(() => published.length > 0, { what: 'what was put back to be published' });
    assert.deepEqual(published, [3, 4]);
    const epoch = await renewed(engine);
    assert.notEqual(epoch, lost.epoch);
    assert.deepEqual(await resumed(engine, A, lost.epoch, 2), ['a3', 'a4']);
    assert.deepEqual(await resumed(engine, A, lost.epoch, 4), []);
    assert.deepEqual(await resumed(engine, LATEST, lost.epoch, 2), []);
    assert.deepEqual(await resumed(engine, B, lost.epoch, 1), []);
    const { head } = await bench.bounds(FRESH);
    assert.deepEqual(await resumed(engine, FRESH, lost.epoch, head - 1), ['f2']);
    assert.deepEqual(await resumed(engine, EMPTY, lost.epoch, lost.events), []);
    // Others that saw more than was archived are told, however much there is by then.
    const { rev } = (await peekOf(engine, 'next')) as { rev: number };
    const next = {
      channel: A,
      head: 4,
      events: [event(5, 'a5')],
      reducer: 'log',
      state: new Map(),
      stateBytes: 0,
      seqs: new Map(),
    };
    await engine.commit(0, { token: 'next', rev, epoch, entries: 0, channels: [next], unreadable: [] });
    assert.deepEqual(await resumed(engine, A, lost.epoch, 4), ['a5']);
    for (const [channel, offset] of [
      [A, 5],
      [EMPTY, lost.events + 1],
    ] as const) {
      const page = await engine.readHistory(channel, { epoch: lost.epoch, offset }, ALL);
      assert.deepEqual([page.kind, page.kind === 'gap' && page.reason], ['gap', 'epoch'], channel);
    }
  });

  it('comes in pieces, of one holder after the other, and of a Redis that is restarted in the middle', async () => {
    await using redis = await startRedis({ appendfsync: 'always' });
    await using bench = await open(redis);
    const { engine } = bench;
    const lost = await lose(redis, bench);
    const first = await peekToRefill(engine);
    const [a, latest, fresh] = lost.channels as [RefilledChannel, RefilledChannel, RefilledChannel];
    const half = { ...a, events: a.events.slice(0, 1), seqs: new Map<string, number>() };
    await engine.refill(0, refillOf(first, lost, { channels: [half, fresh], isComplete: false }));
    await engine.release(0, 'next');
    const second = await peekToRefill(engine, 'another');
    assert.deepEqual([second.rev, second.events], [first.rev + 1, first.events]);
    await redis.restart({ appendfsync: 'everysec' });
    await waitFor(() => engine.ping().then(...SETTLED), { what: 'Redis to be back' });
    assert.equal((await engine.peek(0, { token: 'third', ms: LONG_MS, refills: true }, LIMITS)).kind, 'held');
    // Whose the lease was last has seen nothing of what was lost before.
    await engine.renew(0, lost.epoch, { kind: 'rev', rev: second.rev, token: 'another' });
    const third = await peekToRefill(engine, 'third');
    assert.deepEqual([third.rev, third.events], [second.rev, first.events]);
    const rest = [{ ...a, head: 3, events: a.events.slice(1) }, latest];
    await engine.refill(0, refillOf(third, lost, { token: 'third', channels: rest, taken: [] }));
    assert.deepEqual(await shown(engine), lost.was);
    await renewed(engine, 'third');
    assert.deepEqual(await resumed(engine, A, lost.epoch, 4), []);
  });

  it('is not taken from who has not the lease, is late, comes again, or does not follow', async () => {
    await using redis = await startRedis({ appendfsync: 'always' });
    await using bench = await open(redis);
    const { engine } = bench;
    const lost = await lose(redis, bench);
    const peek = await peekToRefill(engine);
    const before = await shown(engine);
    const right = refillOf(peek, lost, { isComplete: false });
    const [a] = lost.channels as [RefilledChannel];
    const refused = async (rest: Partial<Refill>, reason: string) =>
      assert.deepEqual(await engine.refill(0, { ...right, ...rest }), { kind: 'refused', reason }, reason);
    await refused({ token: TOKEN }, 'lease');
    await refused({ rev: peek.rev - 1 }, 'rev');
    await refused({ channels: [{ ...a, head: 1, events: [event(2, 'x')] }] }, 'head');
    await refused({ channels: [{ ...a, head: null, events: [event(9, 'x')] }] }, 'head');
    assert.deepEqual(await shown(engine), before);
    assert.deepEqual(await inboxOf(engine), ['a3', 'a4']);
    assert.equal((await engine.refill(0, right)).kind, 'refilled');
    await refused({}, 'rev');
    assert.equal(
      (await engine.refill(0, { ...right, rev: peek.rev + 1, channels: [], taken: [], isComplete: true })).kind,
      'refilled',
    );
    await refused({ rev: peek.rev + 1, channels: [] }, 'rev');
    assert.deepEqual(await shown(engine), lost.was);
  });
});

describe('while something may be put back', () => {
  it('nobody is told that it is lost, whether a merger has looked or not', async () => {
    await using redis = await startRedis({ appendfsync: 'always' });
    await using bench = await open(redis);
    const { engine } = bench;
    const lost = await lose(redis, bench);
    const seen = lost.channels[0]!.events.at(-1)!;
    const isKept = async () => {
      const evidence = { kind: 'event', channel: A, event: seen } as const;
      assert.deepEqual(await engine.renew(0, lost.epoch, evidence), { kind: 'kept', epoch: lost.epoch });
      for (const [channel, offset] of [
        [A, 4],
        [FRESH, 6],
        [EMPTY, lost.events],
      ] as const) {
        const read = engine.readHistory(channel, { epoch: lost.epoch, offset }, ALL);
        await assert.rejects(read, EngineUnavailable, `${channel} at ${offset}`);
      }
      assert.deepEqual(await resumed(engine, A, lost.epoch, 1), ['a2'], 'what is there can be read');
    };
    await isKept();
    const peek = await peekToRefill(engine);
    await isKept();
    await engine.refill(0, refillOf(peek, lost));
    assert.deepEqual(await resumed(engine, A, lost.epoch, 4), []);
  });

  for (const appendfsync of ['always', 'everysec'] as const) {
    it(`who cannot put it back goes on without, and what was found missing counts: ${appendfsync}`, async () => {
      await using redis = await startRedis({ appendfsync: 'always' });
      await using bench = await open(redis);
      const { engine } = bench;
      const lost = await lose(redis, bench, { appendfsync });
      const { rev } = await engine.readUnarchived(0, 0, 1);
      await engine.renew(0, lost.epoch, { kind: 'rev', rev: rev + 3, token: TOKEN });
      assert.equal((await peekOf(engine, 'next', false)).kind, 'unvouched');
      assert.deepEqual(
        await engine.refill(0, refillOf({ kind: 'refill', rev, epoch: lost.epoch, events: 4, waiting: 2 }, lost)),
        {
          kind: 'refused',
          reason: 'rev',
        },
      );
      await renewed(engine);
      assert.deepEqual(await resumed(engine, A, lost.epoch, 2), []);
      const page = await engine.readHistory(A, { epoch: lost.epoch, offset: 3 }, ALL);
      assert.deepEqual([page.kind, page.kind === 'gap' && page.reason], ['gap', 'epoch']);
    });
  }
});

describe('nothing is to be put back', () => {
  it('where whose the lease was says that nothing is missing', async () => {
    await using redis = await startRedis({ appendfsync: 'always' });
    await using bench = await open(redis);
    const { engine } = bench;
    await bench.put(A, 'a1');
    const { epoch, rev } = await engine.readUnarchived(0, 0, 1);
    await engine.markArchived(0, { epoch, rev, marks: [], backlogMaxBytes: ALL });
    await redis.restart({ appendfsync: 'everysec' });
    await waitFor(() => engine.ping().then(...SETTLED), { what: 'Redis to be back' });
    assert.equal((await engine.peek(0, { token: 'next', ms: LONG_MS, refills: true }, LIMITS)).kind, 'held');
    await engine.renew(0, epoch, { kind: 'rev', rev, token: TOKEN });
    assert.equal((await peekOf(engine, 'next')).kind, 'entries');
  });

  it('of a shard that is not archived: it is told at once', async () => {
    await using redis = await startRedis({ appendfsync: 'always' });
    await using bench = await open(redis);
    const { engine } = bench;
    const lost = await lose(redis, bench, { isArchived: false });
    const page = await engine.readHistory(A, { epoch: lost.epoch, offset: 4 }, ALL);
    assert.deepEqual([page.kind, page.kind === 'gap' && page.reason], ['gap', 'ahead']);
    assert.notEqual((await peekOf(engine, 'next')).kind, 'refill');
  });

  it('once somebody has merged who does not know of it', async () => {
    await using redis = await startRedis({ appendfsync: 'always' });
    await using bench = await open(redis);
    const { engine } = bench;
    const lost = await lose(redis, bench);
    const peek = await peekToRefill(engine);
    const { rev, epoch } = peek;
    await engine.commit(0, { token: 'next', rev, epoch, entries: 0, channels: [], unreadable: [] });
    assert.equal((await engine.refill(0, refillOf(peek, lost, { rev: rev + 1 }))).kind, 'refused');
    assert.notEqual((await peekOf(engine, 'next')).kind, 'refill');
  });
});

/** What only an engine on Redis has: a server that is away, too slow, full, restarted, or not what it should be. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { pack } from 'msgpackr';
import type { Change } from '../../src/domain/change.ts';
import type { Channel } from '../../src/domain/channel.ts';
import type { Event } from '../../src/domain/event.ts';
import type { Engine, EngineOptions, Found, Peek } from '../../src/engine/engine.ts';
import { decodeEvent } from '../../src/engine/redis/codec/codec.ts';
import { encodeEntries } from '../../src/engine/redis/codec/entry-writer.ts';
import { encodeEvent } from '../../src/engine/redis/codec/event-writer.ts';
import { createRedisEngine } from '../../src/engine/redis/engine.ts';
import { type Mode, serverProblem } from '../../src/engine/redis/start/start-checks.ts';
import { EngineUnavailable, EngineUnusable } from '../../src/errors.ts';
import {
  bytesOf,
  change,
  changesOf,
  channelOn,
  type Entries,
  event,
  generousOptions,
  same,
} from '../contract/engine/kit.ts';
import { startRedis } from '../support/redis-server.ts';
import { asTypeScript } from '../support/typescript.ts';
import { waitFor } from '../support/wait.ts';

/** Three times the command timeout, on a machine that is busy: what a POST may take to become a 503. */
const UNAVAILABLE_WITHIN_MS = 3_000;
const LEASE = { token: 'merger', ms: 600_000 };
const ALL = { maxEntries: 100_000, maxBytes: 100_000_000 };

/** For `then`: whether it did not fail. */
const SETTLED = [() => true, () => false] as const;

interface Line {
  readonly level: 'info' | 'warn' | 'error';
  readonly message: string;
}

async function open(url: string, rest: Partial<EngineOptions> = {}) {
  const lines: Line[] = [];
  const at = (level: Line['level']) => (_: object, message: string) => void lines.push({ level, message });
  const log = { info: at('info'), warn: at('warn'), error: at('error') };
  const engine = await createRedisEngine({ ...generousOptions, ...rest, url, prefix: 'sc', log });
  return { engine, lines, [Symbol.asyncDispose]: () => engine.close() };
}

async function peek(engine: Engine, shard = 0): Promise<Entries> {
  const answer: Peek = await engine.peek(shard, LEASE, ALL);
  return answer.kind === 'entries' ? answer : assert.fail('the lease is held');
}

/** Waits for the end of the pause that follows a restart. */
async function mayMerge(engine: Engine): Promise<void> {
  await waitFor(async () => (await engine.peek(0, LEASE, ALL)).kind === 'entries', { what: 'the pause to end' });
}

/** Makes events of these texts, after whatever the channel has. */
async function put(engine: Engine, channel: Channel, ...texts: string[]): Promise<void> {
  const { rev, epoch, events: made } = await peek(engine);
  const { head } = (await engine.load(0, [{ channel, froms: [], withState: false }])).channels[0]!;
  const events = texts.map((text, i) => event((head ?? made) + 1 + i, text));
  const one = { channel, head, events, reducer: 'log', state: new Map(), stateBytes: 0, seqs: new Map() };
  const outcome = await engine.commit(0, {
    token: LEASE.token,
    rev,
    epoch,
    entries: 0,
    channels: [one],
    unreadable: [],
  });
  assert.equal(outcome.kind, 'committed');
}

async function observe(engine: Engine, channel: Channel) {
  const seen = { events: [] as Event[], suspected: 0 };
  await engine.subscribe(channel, {
    published: (_, events) => void seen.events.push(...events),
    suspect: () => void seen.suspected++,
  });
  return seen;
}

async function unavailable(what: Promise<unknown>): Promise<void> {
  const started = performance.now();
  await assert.rejects(what, EngineUnavailable);
  const took = performance.now() - started;
  assert.ok(took < UNAVAILABLE_WITHIN_MS, `took ${took} ms`);
}

describe('redis: at start', () => {
  const unusable = (pattern: RegExp) => (error: Error) =>
    error instanceof EngineUnusable && pattern.test(error.message);

  it('says in a sentence that nothing listens there, without the password', async () => {
    const redis = await startRedis();
    await redis.stop();
    const started = performance.now();
    const url = redis.url.replace('//', '//:secret@');
    await assert.rejects(open(url), (error: Error) => {
      assert.ok(unusable(/127\.0\.0\.1:\d+ cannot be used: .*ECONNREFUSED/)(error), error.message);
      assert.doesNotMatch(error.message, /secret/);
      return true;
    });
    assert.ok(performance.now() - started < 3_000);
  });

  it('says that a password is missing or wrong, and takes the right one', async () => {
    await using redis = await startRedis();
    await redis.cli('config', 'set', 'requirepass', 'right');
    await assert.rejects(open(redis.url), unusable(/NOAUTH/));
    await assert.rejects(open(redis.url.replace('//', '//:wrong@')), unusable(/WRONGPASS/));
    await using bench = await open(redis.url.replace('//', '//:right@'));
    await bench.engine.ping();
  });

  it('refuses another number of shards than the store was begun with', async () => {
    await using redis = await startRedis();
    await (await open(redis.url, { shards: 4 })).engine.close();
    await (await open(redis.url, { shards: 4 })).engine.close();
    await assert.rejects(open(redis.url, { shards: 5 }), unusable(/SHARDS is 5, but .* with 4/));
  });

  it('refuses what is too old, or of another mode', () => {
    const problem = (version: string, actual = 'standalone', mode: Mode = 'standalone') =>
      serverProblem(
        new Map([
          ['redis_version', version],
          ['redis_mode', actual],
        ]),
        mode,
      );
    assert.match(problem('6.2.14')!, /7\.0 or later.*6\.2\.14/);
    assert.match(problem('2.8.0')!, /7\.0 or later/);
    assert.match(problem('7.2.0', 'cluster')!, /Cluster/);
    assert.match(problem('7.2.0', 'standalone', 'cluster')!, /not a node of a Cluster/);
    assert.match(problem('7.2.0', 'cluster', 'sentinel')!, /node of a Cluster, and REDIS_MODE is sentinel/);
    for (const mode of ['standalone', 'cluster', 'sentinel'] as const) {
      assert.match(problem('7.2.0', 'sentinel', mode)!, /This is a Sentinel/);
    }
    assert.equal(problem('7.2.0', 'cluster', 'cluster'), undefined);
    assert.equal(problem('7.2.0', 'standalone', 'sentinel'), undefined);
    assert.match(serverProblem(new Map(), 'standalone')!, /unknown/);
    for (const version of ['7.0.0', '7.0.15', '8.2.1', '10.0.0']) assert.equal(problem(version), undefined);
  });

  it('logs what durability there really is, and warns when it is less than appendfsync always', async () => {
    for (const [appendfsync, message, warns] of [
      ['always', /loses nothing/, false],
      ['everysec', /two seconds/, true],
      ['no', /loses everything/, true],
    ] as const) {
      await using redis = await startRedis({ appendfsync });
      await using bench = await open(redis.url);
      assert.equal(bench.lines.filter(({ level, message: m }) => level === 'info' && message.test(m)).length, 1);
      assert.equal(
        bench.lines.some(({ level, message: m }) => level === 'warn' && /may lose/.test(m)),
        warns,
      );
    }
  });

  it('warns of an eviction policy, and starts where CONFIG is forbidden', async () => {
    await using redis = await startRedis({ 'maxmemory-policy': 'allkeys-lru' });
    await using bench = await open(redis.url);
    assert.ok(bench.lines.some(({ level, message }) => level === 'warn' && /noeviction/.test(message)));
    await redis.cli('acl', 'setuser', 'plain', 'on', '>pw', '~*', '&*', '+@all', '-config');
    await using limited = await open(redis.url.replace('//', '//plain:pw@'));
    assert.ok(limited.lines.some(({ message }) => /does not say/.test(message)));
    await put(limited.engine, channelOn(0, 2), 'x');
  });
});

describe('redis: while it runs', () => {
  it('sends a script again that Redis has forgotten', async () => {
    await using redis = await startRedis();
    await using bench = await open(redis.url);
    const channel = channelOn(0, 2);
    for (let round = 0; round < 3; round++) {
      assert.deepEqual(await bench.engine.append([change(channel, 'x')]), ['accepted']);
      await put(bench.engine, channel, 'x');
      await redis.cli('script', 'flush');
    }
    assert.equal((await peek(bench.engine)).waiting, 3);
    assert.equal((await bench.engine.readState(channel)).offset, 3);
  });

  it('tells what woke a merger when that is little, and the commit of it checks what is there', async () => {
    await using redis = await startRedis();
    await using bench = await open(redis.url);
    const { engine } = bench;
    const channel = channelOn(0, 2);
    const { epoch } = await peek(engine);
    const told: (Found | null)[] = [];
    await engine.watch((_shard, found) => void told.push(found));
    const wakeBy = async (...texts: string[]) => {
      const nth = told.length;
      await engine.append(texts.map((text) => change(channel, text)));
      return waitFor(() => (told.length > nth ? { found: told.at(-1)! } : undefined), { what: 'a wake' });
    };
    const commit = (rev: number, entries: number) =>
      engine.commit(0, { token: LEASE.token, rev, epoch, entries, channels: [], unreadable: [] });

    const { found } = await wakeBy(...'12345678');
    assert.deepEqual([found?.epoch, found?.rev, found?.entries.length], [epoch, 0, 8]);
    assert.deepEqual(await commit(0, 8), { kind: 'committed', rev: 1, events: 0, waiting: 0 });
    assert.equal((await wakeBy(...'123456789')).found, null);
    assert.equal((await peek(engine)).waiting, 9);
    await commit(1, 9);
    assert.equal((await wakeBy('x'.repeat(4_000), 'x'.repeat(97))).found, null);
    await peek(engine);
    await commit(2, 2);
    assert.equal((await wakeBy('x'.repeat(4_000))).found?.entries.length, 1);
    // Another change in the place of the one that was told of, as after a restored copy.
    await redis.cli('LSET', 'sc:{0}:inbox', '0', 'z');
    assert.deepEqual(await commit(3, 1), { kind: 'refused', reason: 'rev' });
  });

  it('commits nothing under another Redis process than the one that was peeked at', async () => {
    await using redis = await startRedis();
    await using bench = await open(redis.url);
    const { rev, epoch } = await peek(bench.engine);
    await redis.cli('HSET', 'sc:{0}:shard', 'server', '0'.repeat(40), 'serverReplId', '0'.repeat(40));
    const commit = { token: LEASE.token, rev, epoch, entries: 0, channels: [], unreadable: [] };
    assert.deepEqual(await bench.engine.commit(0, commit), { kind: 'refused', reason: 'lease' });
  });

  it('subscribes again after its connection was killed, and only then says that something may be missing', async () => {
    await using redis = await startRedis();
    await using bench = await open(redis.url);
    // More than one SSUBSCRIBE takes, on both shards, and one name with two observers.
    const channels = Array.from({ length: 1_100 }, (_, i) => channelOn(i % 2, 2));
    const seen = await Promise.all([...channels, channels[0]!].map((channel) => observe(bench.engine, channel)));
    const woken: number[] = [];
    await bench.engine.watch((shard) => void woken.push(shard));
    for (let round = 1; round <= 2; round++) {
      await redis.cli('client', 'kill', 'type', 'pubsub');
      await waitFor(() => seen.every(({ suspected }) => suspected === round), { what: 'all observers to be told' });
      assert.deepEqual([...new Set(woken.splice(0))].sort(), [0, 1]);
      await put(bench.engine, channels[0]!, 'x');
      await put(bench.engine, channels[1_098]!, 'y');
      const counts = () => [seen[0]!, seen[1_098]!, seen[1_100]!].map(({ events }) => events.length);
      await waitFor(() => counts().every((count) => count === round), { what: () => `events, ${counts()}` });
    }
  });

  it('does not let the mistake of one observer reach another', async () => {
    await using redis = await startRedis();
    await using bench = await open(redis.url);
    const channel = channelOn(0, 2);
    const fail = () => assert.fail('a mistake');
    await bench.engine.subscribe(channel, { published: fail, suspect: fail });
    const seen = await observe(bench.engine, channel);
    await put(bench.engine, channel, 'x');
    await redis.cli('client', 'kill', 'type', 'pubsub');
    await waitFor(() => seen.events.length === 1 && seen.suspected === 1, { what: 'the other observer to be told' });
    assert.equal(bench.lines.filter(({ level }) => level === 'error').length, 2);
  });

  it('fails in time while Redis is stopped, and works when it goes on', async () => {
    await using redis = await startRedis();
    await using bench = await open(redis.url);
    const { engine } = bench;
    const channel = channelOn(0, 2);
    await put(engine, channel, 'x');
    const seen = await observe(engine, channel);
    redis.pause();
    await Promise.all([
      unavailable(engine.append([change(channel, '1')])),
      unavailable(engine.readHistory(channel, null, 10)),
      unavailable(engine.peek(0, LEASE, ALL)),
      unavailable(engine.ping()),
    ]);
    // Nothing more is sent to who does not read: the second failure does not wait for a timeout.
    await unavailable(engine.append([change(channel, '2')]));
    // Longer than the subscriber's silence may last.
    await sleep(4_500);
    await assert.rejects(engine.subscribe(channelOn(0, 2), { published() {}, suspect() {} }), EngineUnavailable);
    redis.resume();
    await waitFor(() => engine.append([change(channel, '3')]).catch(() => undefined), { what: 'append to work' });
    await waitFor(() => seen.suspected > 0, { what: 'the observer to be told' });
    await waitFor(
      () =>
        put(engine, channel, 'y').then(
          () => true,
          () => false,
        ),
      { what: 'commit to work' },
    );
    await waitFor(() => seen.events.length === 1, { what: 'the event' });
    const texts = changesOf(await peek(engine)).map(({ bytes }) => String(Buffer.from(bytes)));
    assert.equal(texts.at(-1), '3');
    assert.ok(!texts.includes('2'), `never sent, and there: ${texts}`);
  });

  it('refuses appends when Redis is out of memory, while commits and reads go on', async () => {
    await using redis = await startRedis({ 'maxmemory-policy': 'noeviction' });
    await using bench = await open(redis.url);
    const channel = channelOn(0, 2);
    await bench.engine.append([change(channel, 'x')]);
    await redis.cli('config', 'set', 'maxmemory', '1');
    await unavailable(bench.engine.append([change(channel, 'y')]));
    await put(bench.engine, channel, 'x');
    const page = await bench.engine.readHistory(channel, null, 10);
    assert.equal(page.kind === 'events' && page.events.length, 1);
  });

  it('closes in time while Redis is stopped', async () => {
    await using redis = await startRedis();
    const { engine } = await open(redis.url);
    redis.pause();
    const started = performance.now();
    const pending = unavailable(engine.ping());
    await engine.close();
    await pending;
    assert.ok(performance.now() - started < 3_000);
    await assert.rejects(engine.ping(), EngineUnavailable);
  });

  it('leaves nothing behind that keeps the process alive', async () => {
    await using redis = await startRedis();
    const script = `
      import { createRedisEngine } from './src/engine/redis/engine.ts';
      const log = { info() {}, warn() {}, error() {} };
      const engine = await createRedisEngine({ ...${JSON.stringify(generousOptions)}, url: '${redis.url}', prefix: 'p', log });
      await engine.subscribe('room', { published() {}, suspect() {} });
      await engine.close();
      console.log('closed');`;
    const child = spawn(process.execPath, [...asTypeScript, '--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
      timeout: 20_000,
    });
    await once(child.stdout, 'data');
    const closed = performance.now();
    const [code] = await once(child, 'exit');
    assert.equal(code, 0);
    assert.ok(performance.now() - closed < 1_000);
  });
});

describe('redis: what it keeps', () => {
  it('loses nothing it accepted when it is killed, with appendfsync always', async () => {
    await using redis = await startRedis({ appendfsync: 'always' });
    await using bench = await open(redis.url);
    const { engine } = bench;
    const channel = channelOn(0, 2);
    const seen = await observe(engine, channel);
    await put(engine, channel, 'kept');
    const { epoch } = await peek(engine);
    const accepted: number[] = [];
    const sender = async (first: number) => {
      for (let seq = first; ; seq += 10) {
        const outcome = await engine.append([change(channel, 'x', { from: 'a.b', seq })]).catch(() => 'unknown');
        if (String(outcome) !== 'accepted') return;
        accepted.push(seq);
      }
    };
    const senders = Array.from({ length: 10 }, (_, i) => sender(i + 1));
    await waitFor(() => accepted.length > 200, { what: 'changes to be accepted' });
    await redis.kill9();
    await Promise.all(senders);
    await unavailable(engine.append([change(channel, 'y')]));
    await redis.restart();
    await waitFor(() => engine.ping().then(...SETTLED), { what: 'Redis to be back' });
    await mayMerge(engine);
    const found = new Set(changesOf(await peek(engine)).map(({ seq }) => seq));
    assert.deepEqual(
      accepted.filter((seq) => !found.has(seq)),
      [],
    );
    assert.equal((await peek(engine)).epoch, epoch);
    await waitFor(() => seen.suspected === 1, { what: 'the observer to be told' });
    await put(engine, channel, 'live');
    await waitFor(() => seen.events.length === 2, { what: 'the next event' });
    same(seen.events, [event(1, 'kept'), event(2, 'live')]);
  });

  it('lets nobody merge for a second after a restart, so that what was seen and is lost can be told first', async () => {
    await using redis = await startRedis({ appendfsync: 'always' });
    await using bench = await open(redis.url);
    const { engine } = bench;
    const channel = channelOn(0, 2);
    await put(engine, channel, 'x');
    const { rev, epoch } = await peek(engine);
    await redis.restart();
    await waitFor(() => engine.ping().then(...SETTLED), { what: 'Redis to be back' });
    const other = { token: 'another', ms: LEASE.ms };
    // The lease was to last for minutes, and ends: who had it may be gone, so it is for anybody to find that out.
    const first = await engine.peek(0, other, ALL);
    const second = await engine.peek(0, LEASE, ALL);
    for (const answer of [first, second]) {
      assert.ok(answer.kind === 'held' && answer.remainingMs > 800 && answer.remainingMs <= 1_000);
    }
    const commit = { token: LEASE.token, rev, epoch, entries: 0, channels: [], unreadable: [] };
    assert.deepEqual(await engine.commit(0, commit), { kind: 'refused', reason: 'lease' });
    // A merger that is new to this Redis waits as well.
    await using late = await open(redis.url);
    assert.equal((await late.engine.peek(0, { token: 'late', ms: 1 }, ALL)).kind, 'held');
    assert.equal((await engine.renew(0, epoch, { kind: 'rev', rev })).kind, 'kept');
    await waitFor(async () => (await engine.peek(0, other, ALL)).kind === 'entries', { what: 'the pause to end' });
    assert.equal((await engine.peek(0, LEASE, ALL)).kind, 'held');
  });

  it('does not give up entries that took the place of those that were read', async () => {
    await using redis = await startRedis();
    await using bench = await open(redis.url);
    const { engine } = bench;
    const channel = channelOn(0, 2);
    await engine.append([change(channel, '1'), change(channel, '2')]);
    const { rev, epoch } = await peek(engine);
    // What a crash does that takes the last append with it, and the next change after the restart.
    await redis.cli('rpop', 'sc:{0}:inbox');
    await engine.append([change(channel, '3')]);
    const commit = { token: LEASE.token, rev, epoch, entries: 2, channels: [], unreadable: [] };
    assert.deepEqual(await engine.commit(0, commit), { kind: 'refused', reason: 'rev' });
    same(
      changesOf(await peek(engine)).map(({ bytes }) => bytes),
      [bytesOf('1'), bytesOf('3')],
    );
  });

  it('gives a shard that lost everything a new epoch, and tells its observers', async () => {
    await using redis = await startRedis();
    await using bench = await open(redis.url);
    const channel = channelOn(0, 2);
    await put(bench.engine, channel, 'x');
    const { epoch } = await peek(bench.engine);
    const seen = await observe(bench.engine, channel);
    await redis.cli('del', 'sc:{0}:shard', `sc:{0}:m:${channel}`, `sc:{0}:h:${channel}`);
    const outcome = await bench.engine.renew(0, epoch, { kind: 'rev', rev: 1 });
    assert.equal(outcome.kind, 'renewed');
    assert.notEqual(outcome.epoch, epoch);
    await waitFor(() => seen.suspected === 1, { what: 'the observer to be told' });
    assert.equal((await peek(bench.engine)).epoch, outcome.epoch);
  });

  it('writes entries as msgpackr would, and cannot be made to write others', () => {
    const long = 'n'.repeat(40);
    const changes: Change[] = [
      change('c', 'x'),
      change('c'.repeat(31), 'x', { from: `${long}.${long}`, seq: 127, acceptedMs: 0 }),
      change('c'.repeat(32), 'x', { from: 'a.b', seq: 128, acceptedMs: 1.5 }),
      change('c'.repeat(64), 'x', { from: 'a.b', seq: 255 }),
      ...[256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER].map((seq) => change('c', 'x', { seq })),
      ...[0, 1, 200, 255, 256, 65_535, 65_536].map((size) => change('c', '', { bytes: Buffer.alloc(size, 0xc1) })),
    ];
    const entries = changes.map(({ channel, from, seq, acceptedMs, bytes }) =>
      pack([1, channel, from, seq, acceptedMs, Buffer.from(bytes)]),
    );
    const written = encodeEntries([changes.slice(0, 5), changes.slice(5)]);
    assert.equal(written.subarray(0, 6).toString('hex'), 'dc0002dc0005');
    let at = 6;
    for (const [i, entry] of entries.entries()) {
      if (i === 5) at += 3;
      at += entry.length < 0x100 ? 2 : entry.length < 0x10000 ? 3 : 5;
      assert.equal(written.subarray(at, at + entry.length).toString('hex'), entry.toString('hex'));
      at += entry.length;
    }
    assert.equal(at, written.length);
    assert.throws(() => encodeEntries([[change('é', 'x')]]), RangeError);
    assert.throws(() => encodeEntries([[change('c'.repeat(128), 'x')]]), RangeError);
  });

  it('writes events as msgpackr would', () => {
    const atMs = fc.oneof(
      fc.nat(),
      fc.integer({ min: 2 ** 32, max: Number.MAX_SAFE_INTEGER }),
      fc.double({ min: 0.5 }),
    );
    const from = fc.oneof(fc.constant(''), fc.stringMatching(/^[A-Za-z0-9_-]{1,40}\.[A-Za-z0-9_-]{1,40}$/));
    const size = fc.constantFrom(0, 1, 31, 32, 255, 256, 65_535, 65_536);
    const bytes = fc.oneof(
      fc.uint8Array(),
      size.map((length) => new Uint8Array(length).fill(0xc1)),
    );
    const trace = fc.option(fc.stringMatching(/^[0-9a-f-]{1,55}$/), { nil: undefined });
    const mergedAfterMs = fc.option(fc.integer(), { nil: undefined });
    fc.assert(
      fc.property(from, fc.maxSafeNat(), atMs, bytes, trace, mergedAfterMs, (from, seq, atMs, bytes, trace, after) => {
        const last = after !== undefined ? [trace ?? '', after] : trace === undefined ? [] : [trace];
        const merged = after === undefined ? {} : { mergedAfterMs: after };
        const body = { from, seq, atMs, bytes, ...(trace === undefined ? {} : { trace }), ...merged };
        const written = encodeEvent(body);
        // Of a negative number there are shorter forms, which nobody needs.
        if (after === undefined || after >= 0) {
          assert.equal(written.toString('hex'), pack([from, seq, atMs, Buffer.from(bytes), ...last]).toString('hex'));
        }
        const read = decodeEvent(written, 7);
        same(read, { ...body, offset: 7 });
        assert.equal(read.mergedAfterMs, after);
      }),
    );
  });

  it('trims what became much too long a little at a time, when fewer events are to be kept than before', async () => {
    await using redis = await startRedis();
    const channel = channelOn(0, 2);
    const maxChangeBytes = 1 << 18;
    {
      await using bench = await open(redis.url, { maxChangeBytes, historyMaxEvents: 100 });
      await put(bench.engine, channel, ...Array.from({ length: 60 }, (_, i) => String(i)));
    }
    await using bench = await open(redis.url, { maxChangeBytes, historyMaxEvents: 5 });
    const kept: number[] = [];
    while (kept.at(-1) !== 5) {
      await put(bench.engine, channel, 'x');
      const { log } = await bench.engine.readHistory(channel, null, 0);
      kept.push(log.head - log.oldest + 1);
      assert.ok(kept.length < 60, `${kept}`);
    }
    const before = [60, ...kept];
    for (const [i, now] of kept.entries()) assert.ok(before[i]! - now <= 8, `${before}`);
    const page = await bench.engine.readHistory(channel, null, 100);
    assert.ok(page.kind === 'events' && page.events.at(-1)!.offset === page.log.head && page.events.length === 5);
  });

  describe('which fields changed last', () => {
    const field = (offset: number) => ({ offset, bytes: bytesOf('v') });
    const putFields = async (engine: Engine, channel: Channel, names: readonly string[]) => {
      const { rev, epoch, events: made } = await peek(engine);
      const { head } = (await engine.load(0, [{ channel, froms: [], withState: false }])).channels[0]!;
      const offset = (head ?? made) + 1;
      const state = new Map(names.map((name) => [name, field(offset)]));
      const one = {
        channel,
        head,
        events: [event(offset, 'x')],
        reducer: 'latest',
        state,
        stateBytes: 7,
        seqs: new Map(),
      };
      const rest = { token: LEASE.token, rev, epoch, entries: 0, unreadable: [] };
      assert.equal((await engine.commit(0, { ...rest, channels: [one] })).kind, 'committed');
      return offset;
    };
    const channel = channelOn(0, 2);
    const [meta, index] = [`sc:{0}:m:${channel}`, `sc:{0}:i:${channel}`];

    it('is kept for the last 1,024 of a channel with a state, and goes with it; a log keeps nothing', async () => {
      await using redis = await startRedis();
      await using bench = await open(redis.url, { channelIdleMs: 1 });
      const { engine } = bench;
      const log = channelOn(0, 2);
      await put(engine, log, 'x');
      const fields = async (key: string) => (await redis.cli('hkeys', key)).split('\n').sort();
      assert.deepEqual(await fields(`sc:{0}:m:${log}`), ['base', 'head', 'reducer', 'used']);
      const kept = () => redis.cli('hmget', meta, 'indexed', 'indexedFrom', 'size');
      const first = await putFields(engine, channel, ['a', 'b']);
      assert.equal(await kept(), `${first}\n${first - 1}\n7`);
      await putFields(
        engine,
        channel,
        Array.from({ length: 1_000 }, (_, i) => `f${i}`),
      );
      assert.equal(await kept(), `${first + 1}\n${first - 1}\n7`);
      await putFields(
        engine,
        channel,
        Array.from({ length: 30 }, (_, i) => `g${i}`),
      );
      assert.equal(await kept(), `${first + 2}\n${first + 1}\n7`, 'complete after the last that was given up');
      assert.equal(await redis.cli('zcard', index), '1024');
      await waitFor(
        async () => {
          await engine.sweep(0, LEASE.token, 100);
          return (await redis.cli('keys', 'sc:{0}:[mhsi]:*')) === '';
        },
        { what: 'all of it to be forgotten' },
      );
    });

    it('begins anew after a commit of a version that does not keep it, whose count is not believed either', async () => {
      await using redis = await startRedis();
      await using bench = await open(redis.url);
      const { engine } = bench;
      const first = await putFields(engine, channel, ['a', 'b']);
      await redis.cli('rpush', `sc:{0}:h:${channel}`, 'x');
      await redis.cli('hset', meta, 'head', String(first + 1));
      await redis.cli(
        'eval',
        "for i = 1, 100 do redis.call('HSET', KEYS[1], i, ARGV[1]) end",
        '1',
        `sc:{0}:s:${channel}`,
        'x'.repeat(2_000),
      );
      const wish = { channel, froms: [], withState: true };
      assert.equal((await engine.load(0, [wish])).channels[0]!.state, null, 'it may be large by now');
      await putFields(engine, channel, ['b']);
      assert.equal(await redis.cli('hmget', meta, 'indexed', 'indexedFrom'), `${first + 2}\n${first + 1}`);
      assert.equal(await redis.cli('zrange', index, '0', '-1'), 'b');
    });
  });

  it('forgets names whose channel is gone, so that they do not stand before others', async () => {
    await using redis = await startRedis();
    await using bench = await open(redis.url, { channelIdleMs: 1 });
    const [torn, whole] = [channelOn(0, 2), channelOn(0, 2)];
    await put(bench.engine, torn, 'x');
    await put(bench.engine, whole, 'x');
    await redis.cli('del', `sc:{0}:m:${torn}`);
    const isGone = async () =>
      (await bench.engine.load(0, [{ channel: whole, froms: [], withState: false }])).channels[0]!.head === null;
    await waitFor(
      async () => {
        await bench.engine.sweep(0, LEASE.token, 1);
        return isGone();
      },
      { what: 'the channel behind it to be forgotten' },
    );
  });

  it('keeps any bytes as they are: inbox, history, state, pub/sub, set aside', async () => {
    await using redis = await startRedis();
    await using bench = await open(redis.url, { historyMaxEvents: 1_000 });
    const { engine } = bench;
    const channel = channelOn(0, 2);
    const every = Uint8Array.from({ length: 256 }, (_, i) => i);
    const values = [every, ...Array.from(every, (byte) => Uint8Array.of(byte)), bytesOf('\r\n$-1\r\n*2\r\n')];
    const seen = await observe(engine, channel);
    await engine.append(values.map((bytes) => change(channel, '', { bytes })));
    const { rev, epoch, entries } = await peek(engine);
    same(
      changesOf(await peek(engine)).map(({ bytes }) => bytes),
      values,
    );
    const events = values.map((bytes, i) => event(i + 1, '', { bytes }));
    const state = new Map(values.map((bytes, i) => [`é \0 ${i}`, { offset: i + 1, bytes }]));
    const one = {
      channel,
      head: null,
      events,
      reducer: 'log',
      state,
      stateBytes: 1_000_000,
      seqs: new Map([['a.b', 1]]),
    };
    const rest = { token: LEASE.token, entries: entries.length, unreadable: values };
    await engine.commit(0, { ...rest, rev, epoch, channels: [one] });
    await waitFor(() => seen.events.length === values.length, { what: 'all events' });
    same(seen.events, events);
    const page = await engine.readHistory(channel, { epoch, offset: 0 }, 1_000);
    assert.ok(page.kind === 'events');
    same(page.events, events);
    same((await engine.readState(channel)).state, state);
    assert.equal(await redis.cli('llen', 'sc:{0}:bad'), String(values.length));
  });
});

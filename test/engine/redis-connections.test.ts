/** The connections of the Redis engine: what counts as late, what is kept alive, and what follows a primary that moved. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import type { Engine } from '../../src/engine/engine.ts';
import { createRedisEngine } from '../../src/engine/redis/engine.ts';
import { EngineUnavailable } from '../../src/errors.ts';
import { change, changesOf, channelOn, event, generousOptions, textOf } from '../contract/engine/kit.ts';
import { startCutProxy } from '../support/cut-proxy.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import { waitFor } from '../support/wait.ts';

async function open(url: string, commandTimeoutMs = COMMAND_TIMEOUT_MS) {
  const warnings: string[] = [];
  /** Of which connections it was said. */
  const lost: string[] = [];
  const note = (fields: { connection?: string }, message: string) => {
    warnings.push(message);
    if (message === LOST) lost.push(fields.connection!);
  };
  const log = { info() {}, warn: note, error: note };
  const engine = await createRedisEngine({ ...generousOptions, url, prefix: 'sc', log, commandTimeoutMs });
  return { engine, warnings, lost, [Symbol.asyncDispose]: () => engine.close() };
}

const LOST = 'connection to Redis lost';
const COMMAND_TIMEOUT_MS = 1_000;
const channel = channelOn(0, 2);

/** This process does nothing else meanwhile, as in a collection of garbage. */
function standStill(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

describe('an answer of Redis', () => {
  for (const [when, areSent] of [
    ['after they were sent', true],
    ['before they could be sent', false],
  ] as const) {
    it(`is not late because this process stood still ${when}`, async () => {
      await using redis = await startRedis();
      await using bench = await open(redis.url);
      const { engine } = bench;
      const under = Array.from({ length: 25 }, () => [
        engine.append([change(channel, 'x')]),
        engine.readHistory(channel, null, 10),
      ]).flat();
      const settled = Promise.allSettled(under);
      if (areSent) await turn();
      standStill(COMMAND_TIMEOUT_MS + 400);
      const failed = (await settled).flatMap((each) => (each.status === 'rejected' ? [String(each.reason)] : []));
      assert.deepEqual(failed, []);
      assert.ok(!bench.warnings.includes(LOST), 'the connections stay');
    });
  }

  it('is late when Redis is silent, soon after its time, even if this process stands still now and then', async () => {
    await using redis = await startRedis();
    await using bench = await open(redis.url);
    redis.pause();
    try {
      const startedMs = performance.now();
      const failing = assert.rejects(bench.engine.append([change(channel, 'x')]), EngineUnavailable);
      await turn();
      standStill(300);
      await failing;
      const took = performance.now() - startedMs;
      assert.ok(took >= COMMAND_TIMEOUT_MS && took < 3 * COMMAND_TIMEOUT_MS, `took ${took} ms`);
    } finally {
      redis.resume();
    }
  });
});

describe('a late answer', () => {
  /** So long that nobody is late who is not meant to be, on a busy machine either. */
  const LONG_TIMEOUT_MS = 4_000;
  const append = (engine: Engine, text: string) =>
    engine.append([change(channel, text)]).then(
      ([outcome]) => outcome,
      (error: unknown) => (error instanceof EngineUnavailable ? 'unknown' : assert.fail(String(error))),
    );
  const texts = async (engine: Engine) => {
    const peek = await engine.peek(0, { token: 'merger', ms: 600_000 }, { maxEntries: 10, maxBytes: 10_000 });
    return peek.kind === 'entries' ? changesOf(peek).map(textOf) : assert.fail(peek.kind);
  };

  /** Under way to a Redis that stands still: the first is late while the second has half of its time. */
  async function oneBehindTheOther(engine: Engine, redis: RedisServer) {
    assert.equal(await append(engine, 'before'), 'accepted');
    redis.pause();
    const first = append(engine, 'first');
    await sleep(LONG_TIMEOUT_MS / 2);
    return { first, second: append(engine, 'second') };
  }

  it('fails nobody else who is under way on its connection', { timeout: 60_000 }, async () => {
    await using redis = await startRedis();
    await using bench = await open(redis.url, LONG_TIMEOUT_MS);
    const { engine } = bench;
    const { first, second } = await oneBehindTheOther(engine, redis);
    assert.equal(await first, 'unknown');
    redis.resume();
    assert.equal(await second, 'accepted');
    assert.equal(await append(engine, 'third'), 'accepted', 'the connection is trusted again');
    assert.deepEqual(await texts(engine), ['before', 'first', 'second', 'third']);
    assert.ok(!bench.lost.includes('append'), 'it stays');
  });

  it('lets nobody follow: what comes behind it is refused at once, and never runs', { timeout: 60_000 }, async () => {
    await using redis = await startRedis();
    await using bench = await open(redis.url, LONG_TIMEOUT_MS);
    const { engine } = bench;
    const { first, second } = await oneBehindTheOther(engine, redis);
    assert.equal(await first, 'unknown');
    assert.equal(await Promise.race([append(engine, 'behind'), second.then(() => 'too late')]), 'unknown');
    assert.equal(await second, 'unknown');
    await waitFor(() => bench.lost.includes('append'), { what: 'the silent connection to be replaced' });
    redis.resume();
    const isAccepted = async () => (await append(engine, 'later')) === 'accepted';
    await waitFor(isAccepted, { timeoutMs: 20_000, what: 'Redis to accept again' });
    assert.ok(!(await texts(engine)).includes('behind'));
  });
});

describe('an idle connection', () => {
  it('is not forgotten by a Redis that closes idle ones', { timeout: 60_000 }, async () => {
    await using redis = await startRedis({ timeout: '3' });
    await using bench = await open(redis.url);
    for (let i = 0; i < 4; i++) {
      // Longer than that; nothing is to happen in it.
      await sleep(4_500);
      assert.deepEqual(await bench.engine.append([change(channel, 'x')]), ['accepted']);
    }
    assert.deepEqual(
      bench.warnings.filter((message) => message === LOST),
      [],
    );
  });
});

async function put(engine: Engine, text: string): Promise<void> {
  const peeked = await engine.peek(0, { token: 'merger', ms: 600_000 }, { maxEntries: 10, maxBytes: 10_000 });
  // Another server: who held the lease says that all is there.
  if (peeked.kind === 'unvouched') await engine.renew(0, peeked.epoch, { kind: 'rev', rev: 1, token: 'merger' });
  if (peeked.kind !== 'entries') throw new Error('the lease is held');
  const { rev, epoch } = peeked;
  const { head } = (await engine.load(0, [{ channel, froms: [], withState: false }])).channels[0]!;
  const events = [event((head ?? peeked.events) + 1, text)];
  const one = { channel, head, events, reducer: 'log', state: new Map(), stateBytes: 0, seqs: new Map() };
  const outcome = await engine.commit(0, {
    token: 'merger',
    rev,
    epoch,
    entries: 0,
    channels: [one],
    unreadable: [],
  });
  assert.equal(outcome.kind, 'committed');
}

describe('a primary that was demoted', () => {
  it('is left by those who listen as well, when they learn where writes are accepted', async () => {
    await using before = await startRedis();
    await using after = await startRedis({ replicaof: `127.0.0.1 ${before.port}`, 'repl-diskless-sync-delay': '0' });
    await using proxy = await startCutProxy(before.url);
    await using bench = await open(proxy.url.replace('http:', 'redis:'));
    const { engine } = bench;
    const seen: string[] = [];
    let missed = 0;
    await engine.subscribe(channel, {
      published: (_epoch, events) => void seen.push(...events.map(({ bytes }) => Buffer.from(bytes).toString())),
      suspect: () => void missed++,
    });
    await put(engine, 'first');
    await waitFor(() => seen.length === 1, { what: 'the first event' });
    const isSynced = async () => /master_link_status:up/.test(await after.cli('info', 'replication'));
    await waitFor(isSynced, { timeoutMs: 20_000, what: 'the replica to follow' });

    // Moved as an operator does it; the old one lives, as a replica of nobody any more.
    proxy.pointAt(after.url);
    await after.cli('replicaof', 'no', 'one');
    await before.cli('replicaof', '127.0.0.1', '1');
    const isAccepted = () =>
      engine.append([change(channel, 'x')]).then(
        () => true,
        () => false,
      );
    await waitFor(isAccepted, { timeoutMs: 20_000, what: 'the new primary to accept a change' });
    await waitFor(() => missed > 0, {
      timeoutMs: 20_000,
      what: 'the listener to be told that it may have missed some',
    });
    const isPut = () =>
      put(engine, 'second').then(
        () => true,
        () => false,
      );
    await waitFor(isPut, { timeoutMs: 20_000, everyMs: 100, what: 'the merge to go on' });
    await waitFor(() => seen.includes('second'), { timeoutMs: 20_000, what: 'what the new primary publishes' });
  });
});

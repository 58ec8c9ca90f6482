/** The Redis engine on a Cluster: the contract, and what only a Cluster does: move a slot, and promote a replica. */
import assert from 'node:assert/strict';
import { after, beforeEach, describe, it } from 'node:test';
import { shardOf } from '../../src/domain/channel.ts';
import type { Engine, EngineOptions } from '../../src/engine/engine.ts';
import { createRedisEngine, type RedisEngineOptions } from '../../src/engine/redis/engine.ts';
import { slotOf, Topology } from '../../src/engine/redis/nodes/topology.ts';
import { viewOf } from '../../src/engine/redis/nodes/views.ts';
import { EngineUnavailable, EngineUnusable } from '../../src/errors.ts';
import {
  change,
  changesOf,
  channelOn,
  type Entries,
  generousOptions,
  LONG_MS,
  type Open,
  opener,
  TOKEN,
  textOf,
} from '../contract/engine/kit.ts';
import { engineContract } from '../contract/engine.ts';
import { injectEntry } from '../support/inject.ts';
import { busPort, startRedisCluster } from '../support/redis-cluster.ts';
import { startRedis } from '../support/redis-server.ts';
import { waitFor } from '../support/wait.ts';
import { startWorkload } from './redis-workload.ts';

const cluster = await startRedisCluster();
after(() => cluster.stop());

const newPrefix = () => `test-${Math.random().toString(36).slice(2)}`;

function create(prefix: string, options: Partial<RedisEngineOptions & EngineOptions> = {}, lines: string[] = []) {
  const note = (_: object, message: string) => void lines.push(message);
  const log = { info: note, warn: note, error: note };
  return createRedisEngine({ ...generousOptions, url: cluster.url, mode: 'cluster', prefix, log, ...options });
}

engineContract({
  name: 'redis cluster',
  supports: { unreadable: true },
  async create(options) {
    const prefix = newPrefix();
    const engine = await create(prefix, options);
    return {
      engine,
      inject: (shard, raw) => injectEntry(cluster.cli, prefix, shard, raw),
      close: () => engine.close(),
    };
  },
});

describe('redis cluster: at start', () => {
  it('is refused where REDIS_MODE is another, and refuses what is none', async () => {
    const says = (pattern: RegExp) => (error: Error) => error instanceof EngineUnusable && pattern.test(error.message);
    const url = cluster.nodes[0]!.url;
    await assert.rejects(
      create('p', { url, mode: 'standalone' }),
      says(/node of a Cluster, and REDIS_MODE is standalone/),
    );
    await using redis = await startRedis();
    await assert.rejects(create('p', { url: redis.url }), says(/not a node of a Cluster, and REDIS_MODE is cluster/));
    await using lonely = await startRedis({ 'cluster-enabled': 'yes', 'cluster-port': await busPort() });
    await assert.rejects(create('p', { url: lonely.url }), says(/cluster_state is fail/));
  });

  it('needs one node that answers, and says in one line how durable all are', async () => {
    const lines: string[] = [];
    const url = `redis://127.0.0.1:1,${cluster.nodes[4]!.url}`;
    const engine = await create(newPrefix(), { url, shards: 16 }, lines);
    await engine.ping();
    assert.equal(lines.filter((line) => /loses everything/.test(line)).length, 1);
    await assert.rejects(create('p', { url: 'redis://127.0.0.1:1,redis://127.0.0.1:2' }), EngineUnusable);
    await engine.close();
  });

  it('refuses another number of shards than the store was begun with', async () => {
    const prefix = newPrefix();
    await (await create(prefix, { shards: 4 })).close();
    await assert.rejects(create(prefix, { shards: 5 }), EngineUnusable);
  });
});

describe('redis cluster: topology', () => {
  it('puts each shard into the slot that Redis does', async () => {
    for (const shard of [0, 1, 7, 15, 99, 1023]) {
      assert.equal(slotOf(shard), Number(await cluster.cli('cluster', 'keyslot', `sc:{${shard}}:inbox`)));
    }
  });

  const range = (first: number, last: number, host: string | null, port: number) => [first, last, [host, port]];
  const said = (by: string, ...ranges: unknown[]) => viewOf(ranges as never, by);

  it('learns from answers and from MOVED, and keeps what it knows where nobody is named', () => {
    const topology = new Topology(2);
    assert.equal(topology.learn([said('asked', range(0, 16_383, '', 7000))]), true);
    assert.equal(topology.ownerOf(0), 'asked:7000');
    assert.equal(topology.moved(slotOf(0), '::1:7001'), true);
    assert.equal(topology.moved(slotOf(0), '::1:7001'), false);
    assert.deepEqual([topology.ownerOf(0), topology.ownerOf(1)], ['::1:7001', 'asked:7000']);
    assert.equal(topology.learn([said('asked', range(0, 1, 'b', 7002))]), false);
    assert.equal(topology.ownerOf(1), 'asked:7000');
    assert.deepEqual([...topology.primaries], ['b:7002', '::1:7001', 'asked:7000']);
  });

  it('believes most of the nodes, and what it knows where as many say another', () => {
    const topology = new Topology(1);
    const [old, fresh] = ['old', 'new'].map((host) => said(host, range(0, 16_383, host, 7000)));
    topology.learn([old!]);
    assert.equal(topology.learn([fresh!, old!]), false);
    assert.equal(topology.isAgreed([fresh!, fresh!], 3), true);
    assert.equal(topology.isAgreed([fresh!, old!], 3), false);
    assert.equal(topology.isAgreed([fresh!], 2), false);
    assert.equal(topology.learn([old!, fresh!, fresh!]), true);
    assert.equal(topology.ownerOf(0), 'new:7000');
    assert.equal(topology.learn([]), false);
  });
});

/** Shards 0 and 1 are full of what the contract's tests have left, which would make their moves long. */
const SHARDS = 6;

const openAt = (prefix: string, more: Partial<RedisEngineOptions> = {}) =>
  opener(async (options) => {
    const engine = await create(prefix, { shards: SHARDS, ...options, ...more });
    return { engine, close: () => engine.close() };
  });
const open: Open = (options) => openAt(newPrefix())(options);

/** Another of the three that a slot can be on. */
async function elsewhere(slot: number) {
  const owner = await cluster.ownerOf(slot);
  const owners = await Promise.all([0, 6_000, 12_000].map((each) => cluster.ownerOf(each)));
  return owners.find((each) => each !== owner)!;
}

/** What waits there, once nobody has to be waited for who may know more than the new server of the shard. */
async function peekAfterPause(engine: Engine, shard: number): Promise<Entries> {
  const lease = { token: TOKEN, ms: LONG_MS };
  return waitFor(
    async () => {
      const answer = await engine.peek(shard, lease, { maxEntries: 100, maxBytes: 10_000 });
      // Who held the lease says that all is there.
      if (answer.kind === 'unvouched') await engine.renew(shard, answer.epoch, { kind: 'rev', rev: 1, token: TOKEN });
      return answer.kind === 'entries' ? answer : undefined;
    },
    { what: 'the pause to end' },
  );
}

describe('redis cluster: while a slot moves', () => {
  it('takes appends all the time, in order, and tells its subscribers in the end', async () => {
    const prefix = newPrefix();
    await using bench = await openAt(prefix)();
    // Sends no commands, so that only Redis itself can tell it of a move.
    await using listening = await openAt(prefix)();
    const { engine } = bench;
    const shard = 4;
    const channels = Array.from({ length: 10 }, () => bench.channel(shard));
    for (const channel of channels) await bench.put(channel, 'x');
    const channel = channels[0]!;
    let suspected = 0;
    await listening.engine.subscribe(channel, { published() {}, suspect: () => void suspected++ });
    const expected: string[] = [];
    for (let round = 1; round <= 2; round++) {
      const append = async (when: string) => {
        expected.push(`${when} ${round}`);
        assert.deepEqual(await bench.append(channel, `${when} ${round}`), ['accepted']);
      };
      await append('before');
      await cluster.moveSlot(slotOf(shard), await elsewhere(slotOf(shard)), () => append('amid'));
      await append('after');
      await waitFor(() => suspected >= round, { what: 'the subscriber to be told' });
    }
    const peek = await peekAfterPause(engine, shard);
    assert.deepEqual(changesOf(peek).map(textOf), expected);
    assert.deepEqual(await bench.texts(channel), ['x']);
  });

  it('loses, repeats and hides nothing of what goes on meanwhile', async () => {
    await using bench = await open({ historyMaxEvents: 100_000 });
    await using work = await startWorkload(bench.engine);
    await work.goesOn(5);
    for (const shard of [2, 3, 4, 2]) await cluster.moveSlot(slotOf(shard), await elsewhere(slotOf(shard)));
    await work.goesOn(5);
    for (const channel of work.channels) {
      if ([2, 3, 4].includes(shardOf(channel, SHARDS)))
        assert.ok(work.suspected(channel) > 0, 'it was told of the move');
    }
    await work.finish();
  });
});

/** Why it failed is in what the nodes believe. */
async function telling(what: Promise<void>): Promise<void> {
  try {
    await what;
  } catch (cause) {
    throw new Error(`${(cause as Error).message}\n${await cluster.told()}`, { cause });
  }
}

describe('redis cluster: while replicas take over', () => {
  beforeEach(() => cluster.ready());

  it('accepts nothing that too few replicas have', async () => {
    const engine = await create(newPrefix(), { waitReplicas: 2 });
    const started = performance.now();
    await assert.rejects(engine.append([change(channelOn(0, 2), 'x')]), EngineUnavailable);
    assert.ok(performance.now() - started < 1_200);
    await engine.close();
  });

  it('goes on where a replica was promoted in good order', async () => {
    await using bench = await open({ historyMaxEvents: 100_000 });
    await using work = await startWorkload(bench.engine);
    await telling(work.goesOn(5));
    const before = await cluster.ownerOf(slotOf(2));
    await cluster.nodes[cluster.nodes.indexOf(before) + 3]!.cli('cluster', 'failover');
    await waitFor(async () => (await cluster.ownerOf(slotOf(2))) !== before, { what: 'the failover' });
    await telling(work.goesOn(5));
    await telling(work.finish());
  });

  for (const [what, end, again] of [
    ['dies', 'kill9', 'restart'],
    ['freezes', 'pause', 'resume'],
  ] as const) {
    it(`loses no accepted change when a primary ${what}`, async () => {
      await using bench = await openAt(newPrefix(), { waitReplicas: 1 })({ historyMaxEvents: 100_000 });
      await using work = await startWorkload(bench.engine);
      await telling(work.goesOn(5));
      const slot = slotOf(3);
      const primary = await cluster.ownerOf(slot);
      await primary[end]();
      await waitFor(async () => (await cluster.ownerOf(slot)) !== primary, {
        what: 'a replica to be promoted',
        timeoutMs: 20_000,
      });
      // It comes back as a replica: without one nothing would be accepted there.
      await primary[again]();
      await telling(work.goesOn(5));
      await telling(work.finish());
    });
  }

  it('takes no word of a primary that was replaced while it stood still, and does not know it yet', async () => {
    const prefix = newPrefix();
    await using before = await openAt(prefix, { commandTimeoutMs: 60_000 })();
    const shard = 3;
    const channel = before.channel(shard);
    await before.put(channel, 'one');
    const { epoch } = await before.bounds(channel);
    const renew = (offset: number) => before.engine.renew(shard, epoch, { kind: 'head', channel, offset });
    // A script that it did not know would be sent twice, and late the second time.
    assert.equal((await renew(1)).kind, 'kept');
    const primary = await cluster.ownerOf(slotOf(shard));
    primary.pause();
    // These lie in its sockets until it goes on, and are the first that it reads then.
    const last = { epoch, offset: 3 };
    const renewed = renew(last.offset);
    const read = before.engine.readHistory(channel, last, 10);
    const appended = before.append(channel, 'lost');
    const answers = Promise.allSettled([renewed, read, appended]);
    await waitFor(async () => (await cluster.ownerOf(slotOf(shard))) !== primary, {
      what: 'a replica to be promoted',
      timeoutMs: 20_000,
    });
    await using after = await openAt(prefix)();
    await peekAfterPause(after.engine, shard);
    await telling(after.put(channel, 'two', 'three'));
    primary.resume();
    assert.deepEqual(
      (await answers).map(({ status }) => status),
      ['rejected', 'rejected', 'rejected'],
    );
    assert.equal((await renew(last.offset)).kind, 'kept');
  });
});
